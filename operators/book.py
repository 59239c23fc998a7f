"""The order book of one instrument: synchronise, apply, notice every loss, and know what it does not know."""

from collections import deque
from typing import Any, Final, NamedTuple

from operators.checksum import Checksum, Decimals
from operators.errors import StateError
from operators.ladder import Ladder
from schemas.market import BookDelta, BookSnapshot
from schemas.results import GapKind

__all__ = ["Break", "OrderBook"]

_VERSION: Final = 1
_PENDING: Final = 5_000
"""Deltas kept while waiting for a book snapshot; the oldest go first."""


class Break(NamedTuple):
    """A loss that a message showed: the book is stale from here on."""

    kind: GapKind
    expected: int | None
    received: int | None


class OrderBook:
    """Bids and asks by absolute sizes, chained by the venue's sequence numbers.

    The rules are Binance's ("How to manage a local order book correctly", spot and futures), which those of other
    numbered venues are cases of: deltas that end before the book snapshot are old; the first one applied must reach
    over it; each further one must continue the one before. Deltas that come before their book snapshot are kept.
    Venues without numbers are held against their checksum instead.

    A loss makes the book stale at that very message, until a book snapshot that the deltas since then chain on to.

    Parameters
    ----------
    checksum
        The venue's own checksum function, if it has one.
    depth
        Levels a side to keep; ``None`` keeps all.
    """

    __slots__ = (
        "_checksum", "_fresh", "_pending", "_reach_ask", "_reach_bid", "applied", "asks", "bids", "checksums_right",
        "checksums_wrong", "decimals", "depth", "dropped_old", "gaps", "maintained", "sequence", "synchronised",
    )  # fmt: skip

    def __init__(self, checksum: Checksum | None = None, depth: int | None = None) -> None:
        self.bids, self.asks = Ladder(1), Ladder(-1)
        self.synchronised = False
        """False before the first book snapshot and while stale."""
        self.sequence: int | None = None
        """Last update applied."""
        self.decimals: Decimals = (None, None)
        self.depth = depth
        self.maintained: int | None = None
        """Levels a side that the venue itself keeps up to date."""
        self.applied = self.dropped_old = self.gaps = self.checksums_right = self.checksums_wrong = 0
        self._checksum = checksum
        self._fresh = False  # no delta applied since the last book snapshot
        self._pending: deque[BookDelta] = deque(maxlen=_PENDING)
        self._reach_bid, self._reach_ask = float("-inf"), float("inf")

    def on_snapshot(self, event: BookSnapshot) -> Break | None:
        """Start anew from a whole book; what came before it and reaches beyond it is applied at once."""
        known = self.sequence if self.synchronised else None
        if known is not None and event.sequence is not None and event.sequence <= known:
            return None  # older than what we have, and we have lost nothing
        self.bids.replace(event.bid_prices, event.bid_sizes)
        self.asks.replace(event.ask_prices, event.ask_sizes)
        self.maintained = event.depth if event.maintained else None
        self._reach(event)
        self.sequence, self.synchronised, self._fresh = event.sequence, True, True
        broken = self._verify(event.checksum)
        pending, self._pending = self._pending, deque(maxlen=_PENDING)
        for delta in pending:
            broken = self.on_delta(delta) or broken
        return broken

    def on_delta(self, event: BookDelta) -> Break | None:
        """Apply, drop as old, or keep for later; the loss that this message shows, if any."""
        if not self.synchronised:
            self._pending.append(event)
            return None
        last, known = event.last_sequence, self.sequence
        if last is not None and known is not None:
            previous = event.previous_sequence
            if last <= known and not (self._fresh and previous is not None and last == known):
                self.dropped_old += 1
                return None
            broken = self._chain(event, known)
            if broken is not None:
                return self._lose(broken, event)
        if last is not None:
            self.sequence = last
        self.bids.update(event.bid_prices, event.bid_sizes)
        self.asks.update(event.ask_prices, event.ask_sizes)
        self.applied += 1
        self._fresh = False
        limit = self.maintained or (2 * self.depth if self.depth else None)
        if limit is not None and (len(self.bids) > limit or len(self.asks) > limit):
            self._trim(self.maintained or self.depth or limit)
        return self._verify(event.checksum)

    def disconnect(self) -> None:
        """Nobody listened for a while: numbered deltas will prove or disprove a loss, others cannot."""
        if self.sequence is None:
            self.synchronised = False
            self._pending.clear()

    @property
    def crossed(self) -> bool:
        """Best bid at or above best ask: impossible on a venue, so something was lost unseen."""
        bid, ask = self.bids.best(1), self.asks.best(1)
        return bool(bid and ask and bid[0] >= ask[0])

    def lose(self) -> None:
        """Mark stale for a reason that the book cannot see itself."""
        self.synchronised = False
        self.gaps += 1

    def top(self, count: int) -> tuple[list[float], list[float], list[float], list[float]] | None:
        """Bid prices, bid sizes, ask prices, ask sizes of the ``count`` best levels.

        ``None`` while stale, where a side is empty, and where a level lies beyond what the book snapshot reached:
        levels there are known only if they changed since.
        """
        if not self.synchronised:
            return None
        bids, asks = self.bids.best(count), self.asks.best(count)
        if not bids or not asks or bids[-1] < self._reach_bid or asks[-1] > self._reach_ask:
            return None
        if self.maintained is not None and count > self.maintained:
            return None
        bid_levels, ask_levels = self.bids.levels, self.asks.levels
        return bids, [bid_levels[price] for price in bids], asks, [ask_levels[price] for price in asks]

    def _chain(self, event: BookDelta, known: int) -> Break | None:
        previous, first = event.previous_sequence, event.first_sequence
        if previous is not None:  # futures: continues the message before, or reaches over the book snapshot
            if previous <= known or (self._fresh and first is not None and first <= known):
                return None
            return Break("book_sequence", known, previous)
        if first is None or first <= known + 1:  # spot
            return None
        return Break("book_sequence", known + 1, first)

    def _lose(self, broken: Break, event: BookDelta | None) -> Break:
        self.lose()
        self._pending.clear()
        if event is not None:
            self._pending.append(event)
        return broken

    def _verify(self, checksum: int | None) -> Break | None:
        if checksum is None or self._checksum is None:
            return None
        ours = self._checksum(self.bids, self.asks, self.decimals)
        if ours is None:
            return None
        if ours == checksum:
            self.checksums_right += 1
            return None
        self.checksums_wrong += 1
        return self._lose(Break("book_checksum", checksum, ours), None)

    def _reach(self, event: BookSnapshot) -> None:
        self._reach_bid, self._reach_ask = float("-inf"), float("inf")
        if event.maintained:
            return
        if event.bid_prices and (event.depth is None or len(event.bid_prices) >= event.depth):
            self._reach_bid = min(event.bid_prices)
        if event.ask_prices and (event.depth is None or len(event.ask_prices) >= event.depth):
            self._reach_ask = max(event.ask_prices)

    def _trim(self, depth: int) -> None:
        bid, ask = self.bids.trim(depth), self.asks.trim(depth)
        if self.maintained is None:  # levels that we threw away ourselves are no longer known
            if bid is not None:
                self._reach_bid = max(self._reach_bid, bid)
            if ask is not None:
                self._reach_ask = min(self._reach_ask, ask)

    def state(self) -> dict[str, Any]:
        """Plain data for recovery."""
        return {
            "version": _VERSION,
            "bids": self.bids.state(),
            "asks": self.asks.state(),
            "flags": [self.synchronised, self._fresh, self.sequence, self.maintained, list(self.decimals)],
            "reach": [self._reach_bid, self._reach_ask],
            "counts": [self.applied, self.dropped_old, self.gaps, self.checksums_right, self.checksums_wrong],
            "pending": list(self._pending),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up ``state`` again, to the bit.

        Raises:
            StateError: of another version.
        """
        if state["version"] != _VERSION:
            raise StateError(f"order book state has version {state['version']}, this program reads {_VERSION}")
        self.bids.restore(state["bids"])
        self.asks.restore(state["asks"])
        self.synchronised, self._fresh, self.sequence, self.maintained, decimals = state["flags"]
        self.decimals = (decimals[0], decimals[1])
        self._reach_bid, self._reach_ask = state["reach"]
        self.applied, self.dropped_old, self.gaps, self.checksums_right, self.checksums_wrong = state["counts"]
        self._pending = deque(state["pending"], maxlen=_PENDING)
