"""Bars as an exchange gives them, held against those made of its trades."""

from math import isclose
from typing import Final

from operators.bars import OpenBar
from operators.state import Slotted
from schemas.market import ExchangeBar
from schemas.time import Timeframe

__all__ = ["GivenBars"]

_COMPARED: Final = ("open", "high", "low", "close", "volume")
_EQUAL: Final = 1e-9
"""Relative: volumes are sums, and an exchange rounds its own."""
_MOST: Final = 12
"""Bars that wait for their own close, and bars that are known to be compared: two of each timeframe."""
_INCOMPLETE: Final = {"partial", "gap"}

_Which = tuple[Timeframe, int]
"""Timeframe and begin (ns)."""


class GivenBars(Slotted):
    """Compares each given bar once with the one made of trades, whichever comes first.

    The given one usually does: the other waits for late trades.
    """

    __slots__ = ("_compared", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[tuple[_Which, list[float]]] = []
        self._compared: list[_Which] = []

    def given(self, event: ExchangeBar, built: OpenBar | None) -> str:
        """How ``event`` differs from the bar made of trades; empty if it does not, or that is not ``built`` yet."""
        which = (event.timeframe, event.ts_open)
        if which in self._compared:
            return ""
        if built is not None:
            return self._compare(which, _values(event), built)
        if all(known != which for known, _ in self._waiting):
            self._waiting = [*self._waiting, (which, _values(event))][-_MOST:]
        return ""

    def built(self, timeframe: Timeframe, bar: OpenBar) -> str:
        """How a bar that was closed now differs from the one that was given, if one was; empty if it does not."""
        for number, (which, values) in enumerate(self._waiting):
            if which == (timeframe, bar.ts_open):
                del self._waiting[number]
                return self._compare(which, values, bar)
        return ""

    def restore(self, state: list[object]) -> None:
        """See `Slotted.restore`."""
        super().restore(state)
        self._waiting = [((name, ts), values) for (name, ts), values in self._waiting]
        self._compared = [(name, ts) for name, ts in self._compared]

    def _compare(self, which: _Which, given: list[float], built: OpenBar) -> str:
        self._compared = [*self._compared, which][-_MOST:]
        if _INCOMPLETE.intersection(built.quality):
            return ""  # it is known to lack trades
        found = [
            f"{name} {theirs:.15g} given, {ours:.15g} made of trades"
            for name, theirs, ours in zip(_COMPARED, given, _values(built), strict=True)
            if not isclose(theirs, ours, rel_tol=_EQUAL, abs_tol=0.0)
        ]
        return f"{which[0]}: {', '.join(found)}" if found else ""


def _values(bar: ExchangeBar | OpenBar) -> list[float]:
    return [bar.open, bar.high, bar.low, bar.close, bar.volume]
