"""The order book of one instrument: synchronise, apply, notice every loss, and know what it does not know."""

from collections import deque
from typing import Any, Final, NamedTuple
from zlib import crc32

import msgspec

from operators.checksum import Checksum, Decimals
from operators.native import sides
from operators.numbering import RESTART
from schemas.codec import encode
from schemas.layouts import Layout
from schemas.market import BookDelta, BookSnapshot
from schemas.results import GapKind

__all__ = ["Break", "OrderBook"]

_LAYOUT: Final = Layout("order book", 1)
_PENDING: Final = 1_000
"""Deltas kept while waiting for a book snapshot; the oldest go first."""
_INFINITE: Final = float("inf")


class Break(NamedTuple):
    """A loss that a message showed: the book is stale from here on."""

    kind: GapKind
    expected: int | None = None
    received: int | None = None


class OrderBook:
    """Bids and asks by absolute sizes, chained by the venue's sequence numbers.

    The rules are Binance's ("How to manage a local order book correctly", spot and futures), which those of other
    numbered venues are cases of: deltas that end before the book snapshot are old; the first one applied must reach
    over it; each further one must continue the one before. Deltas that come before their book snapshot are kept.
    Venues without numbers are held against their checksum instead, and old is what their clock says is.

    A loss makes the book stale at that very message, until a book snapshot that the deltas since then chain on to.

    Parameters
    ----------
    checksum
        The venue's own checksum function, if it has one.
    depth
        Levels a side to keep; ``None`` keeps all.
    native
        Hold them compiled, where this machine can.
    """

    __slots__ = (
        "_at", "_checksum", "_fresh", "_pending", "_proven", "_reach_ask", "_reach_bid", "_sums", "_whole", "applied",
        "asks", "bids", "checksums_right", "checksums_wrong", "decimals", "depth", "dropped_old", "gaps",
        "maintained", "sequence", "synchronised",
    )  # fmt: skip

    def __init__(self, checksum: Checksum | None = None, depth: int | None = None, *, native: bool = True) -> None:
        self.bids, self.asks = sides(native=native)
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
        self._at = 0  # event time of what was applied last
        self._sums: list[int] = []  # checksums of the unnumbered deltas applied at that time
        self._whole = 0  # a print of the last book snapshot, if it had no number
        self._fresh = False  # no delta applied since the last book snapshot
        self._proven = True  # something has come since anybody was last known not to have listened
        self._pending: deque[BookDelta] = deque(maxlen=_PENDING)
        self._reach_bid, self._reach_ask = -_INFINITE, _INFINITE

    def on_snapshot(self, event: BookSnapshot) -> Break | None:
        """Start anew from a whole book; what came before it and reaches beyond it is applied at once."""
        whole = _print(event) if event.sequence is None else 0
        if self.synchronised and self._known(event, whole):
            return None
        self.bids.replace(event.bid_prices, event.bid_sizes)
        self.asks.replace(event.ask_prices, event.ask_sizes)
        self.maintained = event.depth if event.maintained else None
        self._reach(event)
        self.sequence, self.synchronised, self._fresh, self._proven = event.sequence, True, True, True
        self._at, self._whole, self._sums = event.ts_event, whole, []
        broken = None if event.checksum is None else self._verify(event.checksum)
        pending, self._pending = self._pending, deque(maxlen=_PENDING)
        for delta in pending:
            broken = self.on_delta(delta) or broken
        return broken

    def on_delta(self, event: BookDelta) -> Break | None:
        """Apply, drop as old, or keep for later; the loss that this message shows, if any."""
        if not self.synchronised:
            self._pending.append(event)
            return None
        last, known, previous = event.last_sequence, self.sequence, event.previous_sequence
        if last is not None and known is not None and last > known:
            continues = previous == known if previous is not None else event.first_sequence == known + 1
        elif self._old(event):
            self.dropped_old += 1
            return None
        else:
            continues = False
        if not continues:
            broken = self._chain(event)
            if broken is not None:
                self.lose()
                self._pending.append(event)
                return broken
        if last is not None:
            self.sequence = last
        self.bids.update(event.bid_prices, event.bid_sizes)
        self.asks.update(event.ask_prices, event.ask_sizes)
        self.applied += 1
        self._fresh, self._proven = False, True
        if event.ts_event > self._at:
            self._at = event.ts_event
            if self._sums:
                self._sums = []
        if last is None and event.checksum is not None:
            self._sums.append(event.checksum)
        limit = self.maintained or (2 * self.depth if self.depth else None)
        if limit is not None and (len(self.bids) > limit or len(self.asks) > limit):
            self._trim()
        return None if event.checksum is None else self._verify(event.checksum)

    def disconnect(self) -> None:
        """Nobody listened for a while: the next numbered delta will prove or disprove a loss, others cannot."""
        self._proven = False
        if self.sequence is None and self.synchronised:
            self.lose()

    def lose(self) -> None:
        """Mark stale."""
        self.synchronised = False
        self.gaps += 1
        self._pending.clear()

    @property
    def stale(self) -> bool:
        """Whether there was a book, and it is lost."""
        return self.gaps > 0 and not self.synchronised

    @property
    def trusted(self) -> bool:
        """Whether it is synchronised, and has been told anything since somebody was last known not to have listened."""
        return self.synchronised and self._proven

    @property
    def crossed(self) -> bool:
        """Best bid at or above best ask: impossible on a venue, so something was lost unseen."""
        bid, ask = self.bids.best(1), self.asks.best(1)
        return bool(bid and ask and bid[0] >= ask[0])

    def top(self, count: int) -> tuple[list[float], list[float], list[float], list[float]] | None:
        """Bid prices, bid sizes, ask prices, ask sizes of the ``count`` best levels.

        A side that is known to have fewer gives all of them. ``None`` while stale or in doubt, where a side is empty,
        and where a level lies beyond what the book snapshot reached: levels there are known only if they changed since.
        """
        if not self.synchronised or not self._proven:
            return None
        (bids, bid_sizes), (asks, ask_sizes) = self.bids.top(count), self.asks.top(count)
        if not bids or not asks or bids[-1] < self._reach_bid or asks[-1] > self._reach_ask:
            return None
        if (len(bids) < count and self._reach_bid > -_INFINITE) or (len(asks) < count and self._reach_ask < _INFINITE):
            return None
        if self.maintained is not None and count > self.maintained:
            return None
        return bids, bid_sizes, asks, ask_sizes

    @property
    def reach(self) -> tuple[float, float]:
        """Down to which bid price and up to which ask price all levels are known, if the book is `trusted`."""
        lowest, highest = self._reach_bid, self._reach_ask
        if self.maintained is not None:
            lowest = self.bids.worst() if len(self.bids) >= self.maintained else lowest
            highest = self.asks.worst() if len(self.asks) >= self.maintained else highest
        return lowest, highest

    def _known(self, event: BookSnapshot, whole: int) -> bool:
        """Whether this book snapshot has nothing new for a book that has lost nothing."""
        if event.sequence is None or self.sequence is None:
            return whole == self._whole
        return event.sequence <= self.sequence and event.ts_event <= self._at + RESTART

    def _old(self, event: BookDelta) -> bool:
        last, known = event.last_sequence, self.sequence
        if last is None or known is None:
            return event.ts_event < self._at or (event.ts_event == self._at and event.checksum in self._sums)
        if last > known or event.ts_event > self._at + RESTART:
            return False
        # On futures the first one may end where the book snapshot does.
        return not (self._fresh and event.previous_sequence is not None and last == known)

    def _chain(self, event: BookDelta) -> Break | None:
        last, known = event.last_sequence, self.sequence
        if last is None or known is None:
            return None
        if last < known:  # and not old: the venue counts anew
            return Break("book_sequence", known, last)
        previous, first = event.previous_sequence, event.first_sequence
        if previous is not None:  # futures
            return None if previous <= known else Break("book_sequence", known, previous)
        return None if first is None or first <= known + 1 else Break("book_sequence", known + 1, first)

    def _verify(self, checksum: int) -> Break | None:
        if self._checksum is None:
            return None
        ours = self._checksum(self.bids, self.asks, self.decimals)
        if ours is None:
            return None
        if ours == checksum:
            self.checksums_right += 1
            return None
        self.checksums_wrong += 1
        self.lose()
        return Break("book_checksum", checksum, ours)

    def _reach(self, event: BookSnapshot) -> None:
        """How far the book snapshot tells all: to its last level, unless a side shorter than asked for is whole."""
        self._reach_bid, self._reach_ask = -_INFINITE, _INFINITE
        if event.maintained:
            return
        if event.depth is None or len(event.bid_prices) >= event.depth:
            self._reach_bid = min(event.bid_prices, default=_INFINITE)
        if event.depth is None or len(event.ask_prices) >= event.depth:
            self._reach_ask = max(event.ask_prices, default=-_INFINITE)

    def _trim(self) -> None:
        depth = self.maintained or self.depth
        assert depth is not None
        fewer_bids, fewer_asks = self.bids.trim(depth), self.asks.trim(depth)
        if self.maintained is not None:
            return
        if fewer_bids:  # levels that we threw away ourselves are no longer known
            self._reach_bid = max(self._reach_bid, self.bids.worst())
        if fewer_asks:
            self._reach_ask = min(self._reach_ask, self.asks.worst())

    def state(self) -> dict[str, Any]:
        """Plain data for recovery."""
        return {
            "version": _LAYOUT.version,
            "bids": self.bids.state(),
            "asks": self.asks.state(),
            "flags": [self.synchronised, self._fresh, self._proven],
            "known": [self.sequence, self.maintained, self.decimals],
            "reach": [self._reach_bid, self._reach_ask],
            "last": [self._at, self._whole, self._sums],
            "counts": [self.applied, self.dropped_old, self.gaps, self.checksums_right, self.checksums_wrong],
            "pending": list(self._pending),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up ``state`` again, to the bit.

        Raises:
            LayoutError: of a version from which no way leads here.
        """
        state = _LAYOUT.bring(state["version"], state)
        self.bids.restore(state["bids"])
        self.asks.restore(state["asks"])
        self.synchronised, self._fresh, self._proven = state["flags"]
        self.sequence, self.maintained, (price_digits, size_digits) = state["known"]
        self.decimals = (price_digits, size_digits)
        self._reach_bid, self._reach_ask = state["reach"]
        self._at, self._whole, self._sums = state["last"]
        self.applied, self.dropped_old, self.gaps, self.checksums_right, self.checksums_wrong = state["counts"]
        self._pending = deque(msgspec.convert(state["pending"], list[BookDelta]), maxlen=_PENDING)


def _print(event: BookSnapshot) -> int:
    return crc32(encode((event.ts_event, event.bid_prices, event.bid_sizes, event.ask_prices, event.ask_sizes)))
