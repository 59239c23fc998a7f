"""Best quotes on their way into the bars: put in order, freed of copies, and told where their prices change."""

from typing import Any, Final

from operators.microstructure import BestQuote, Move
from operators.numbering import RESTART
from operators.reorder import ReorderBuffer, packed, unpacked

__all__ = ["QuoteQueue", "Stretch"]

Stretch = tuple[list[BestQuote], list[Move], int | None]
"""Quotes without a loss between them: of those at equal prices the first and the last, when the prices changed, and
the time (ns) of the loss that ends it, if one does."""
_NONE_YET: Final = (0, 0)
_LOST: Final = (None,) * 4


class QuoteQueue:
    """Holds the best quotes until event time has passed them. Has a compiled twin.

    Of quotes at equal prices the first and the last are enough: what they add in between adds up to the same.

    Parameters:
        most: quotes that can wait.
    """

    __slots__ = ("_arrivals", "_last_at", "_waiting", "last")

    def __init__(self, most: int) -> None:
        self._waiting: ReorderBuffer[tuple[int, int, int, BestQuote | None]] = ReorderBuffer(most)
        self._arrivals = 0
        self._last_at, self.last = _NONE_YET
        """Event time (ns) and sequence of the last numbered quote that was released; 0: none yet."""

    def add(self, ts: int, sequence: int, quote: BestQuote | None) -> bool:
        """Take the best quote as of ``ts`` (ns), ``None`` if it is lost; false if there is no room.

        ``sequence`` is 0 where there is none.
        """
        waiting = self._waiting
        if len(waiting.new) >= waiting.room:
            return False
        self._arrivals += 1
        waiting.new.append((ts, sequence, self._arrivals, quote))
        return True

    def drop(self, before: int) -> int:
        """Forget what was before ``before`` (ns); how many quotes that were."""
        return sum(1 for waited in self._waiting.release(before) if waited[3] is not None)

    def release(self, before: int) -> list[Stretch]:
        """What was before ``before`` (ns), in order of time; a second ingester's copy is left out."""
        stretches: list[Stretch] = []
        told: list[BestQuote] = []
        moves: list[Move] = []
        latest: BestQuote | None = None
        bid_before = ask_before = 0.0
        last_at, last = self._last_at, self.last
        for ts, sequence, _, quote in self._waiting.release(before):
            if quote is None:
                if latest is not None:
                    told.append(latest)
                stretches.append((told, moves, ts))
                told, moves, latest, bid_before = [], [], None, 0.0
                continue
            if sequence:
                if sequence <= last and ts <= last_at + RESTART:
                    continue
                last_at, last = ts, sequence
            bid, _, ask, _ = quote
            if bid != bid_before or ask != ask_before:
                if latest is not None:
                    told.append(latest)
                told.append(quote)
                moves.append((ts, bid, ask))
                bid_before, ask_before = bid, ask
            latest = quote
        self._last_at, self.last = last_at, last
        if latest is not None:
            told.append(latest)
            stretches.append((told, moves, None))
        return stretches

    def state(self) -> list[Any]:
        """Plain data for recovery."""
        waiting = [(*place, *(quote or _LOST)) for *place, quote in self._waiting.items()]
        return [packed(waiting), self._arrivals, self._last_at, self.last]

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again."""
        waiting, self._arrivals, self._last_at, self.last = state
        self._waiting.restore([_waited(*one) for one in unpacked(waiting)])


def _waited(ts: int, sequence: int, arrival: int, *quote: float | None) -> tuple[int, int, int, Any]:
    return ts, sequence, arrival, None if quote[0] is None else quote
