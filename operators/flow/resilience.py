"""How the book recovers when several of its levels have been taken at once."""

from typing import Final, NamedTuple

from operators.feature import Close, Feature
from operators.flow.levels import LEVELS
from operators.flow.part import summary
from operators.microstructure import Levels
from operators.state import Slotted
from schemas.time import MINUTE, SECOND

__all__ = ["MEASURES", "PATIENCE", "Resilience", "SweepsPart"]

_TAKEN: Final = 3
"""Levels that have to go between one state of the book and the next: one or two go with every larger trade."""
PATIENCE: Final = 10 * SECOND
"""How long a sweep is waited for."""
_ROUNDING: Final = 1e-12
"""Of the price: equal spreads differ by no more."""


class SweepsPart(NamedTuple):
    """Sweeps of some time."""

    minutes: int
    number: int
    ended: int
    """Those of which it came to be known whether the spread recovered."""
    recovered: int
    waited: int
    """ns that took, together."""

    def plus(self, later: "SweepsPart") -> "SweepsPart":
        """Both together."""
        return SweepsPart(
            self.minutes + later.minutes, self.number + later.number, self.ended + later.ended,
            self.recovered + later.recovered, self.waited + later.waited,
        )  # fmt: skip


class Resilience(Slotted):
    """Waits after each sweep until the spread is no wider than it was before, ten seconds at most.

    A sweep: the best price of a side is worse than its third level was one change of the book before, and the spread is
    wider; else the whole book has moved. Sweeps while one is waited for are counted only. Resiliency as the chance, and
    the time, of replenishment: J. Large, Measuring the Resiliency of an Electronic Limit Order Book, 2007; of the
    spread as in T. Foucault, O. Kadan, E. Kandel, Limit Order Book as a Market for Liquidity, 2005.

    Examples
    --------
    >>> sweeps, asks, sizes = Resilience(), [10.0, 11.0, 12.0], [1.0] * 3
    >>> sweeps.update(0, ([9.0, 8.0, 7.0], sizes, asks, sizes))
    >>> sweeps.take()
    >>> for at, bid in ((1, 6.0), (2, 8.0), (4, 9.5)):
    ...     sweeps.update(at, ([bid, bid - 1.0, bid - 2.0], sizes, asks, sizes))
    >>> sweeps.take()
    SweepsPart(minutes=1, number=1, ended=1, recovered=1, waited=3)
    """

    __slots__ = ("_ended", "_known", "_last", "_number", "_recovered", "_since", "_spread", "_waited")

    def __init__(self) -> None:
        self._last: tuple[float, float, float, float] | None = None  # best and third bid, best and third ask
        self._since: int | None = None  # when the sweep was that is waited for, ns
        self._spread = 0.0  # before it
        self._known = False  # the book, all the time since last taken
        self._number = self._ended = self._recovered = self._waited = 0

    @property
    def waits(self) -> bool:
        """Whether there is a sweep that is waited for; else it need not be told of prices that stand."""
        return self._since is not None

    def update(self, ts: int, top: Levels | None) -> None:
        """Take the best levels after a change at ``ts`` (ns); ``None`` or fewer than three: not known."""
        if top is None or len(top[0]) < _TAKEN or len(top[2]) < _TAKEN:
            self._last = self._since = None
            self._known = False
            return
        bids, _, asks, _ = top
        bid, ask, last = bids[0], asks[0], self._last
        self._last = bid, bids[_TAKEN - 1], ask, asks[_TAKEN - 1]
        spread, rounding = ask - bid, _ROUNDING * ask
        if self._since is not None:
            waited = ts - self._since
            recovered = spread <= self._spread + rounding
            if recovered or waited > PATIENCE:
                self._ended += 1
                self._recovered += recovered and waited <= PATIENCE
                self._waited += min(max(waited, 0), PATIENCE)
                self._since = None
        if last is not None and (bid < last[1] or ask > last[3]) and spread > last[2] - last[0] + rounding:
            self._number += 1
            if self._since is None:
                self._since, self._spread = ts, last[2] - last[0]

    def take(self) -> SweepsPart | None:
        """The sweeps of a minute; ``None`` if the book was not known all the time."""
        part = SweepsPart(1, self._number, self._ended, self._recovered, self._waited) if self._known else None
        self._known = self._last is not None
        self._number = self._ended = self._recovered = self._waited = 0
        return part


def _read(part: SweepsPart, close: Close) -> tuple[float | None, ...]:
    if part.minutes * MINUTE != close.ts_close - close.bar.ts_open:
        return None, None, None
    if not part.ended:
        return float(part.number), None, None
    return float(part.number), part.recovered / part.ended, part.waited / part.ended / SECOND


_SECONDS: Final = PATIENCE // SECOND
_NULL: Final = f"not all the time {LEVELS} levels a side were known"

MEASURES = (
    summary(
        "sweeps", _read,
        Feature(
            name="sweeps", unit="sweeps", low=0.0, inputs=("book",), memory=1, null=_NULL,
            summary=f"Changes that took {_TAKEN} levels of a side and widened the spread, from decision to decision",
            formula=f"count of spread > spread before and (bid 1 < bid {_TAKEN} before or ask 1 > ask {_TAKEN} before)",
            source="its definition",
        ),
        Feature(
            name="sweep_recovered", unit="ratio", low=0.0, high=1.0, inputs=("book",), memory=1,
            summary=f"Share of sweeps after which the spread recovered within {_SECONDS} s",
            formula="sweeps with spread <= spread before / sweeps that were waited for", source="Large 2007",
            null=f"{_NULL}, or no sweep came to its end",
        ),
        Feature(
            name="sweep_recovery", unit="s", low=0.0, high=float(_SECONDS), inputs=("book",), memory=1,
            summary=f"Mean time after a sweep until the spread recovered, at most {_SECONDS} s",
            formula=f"mean(min(time until spread <= spread before, {_SECONDS} s))", source="Large 2007",
            null=f"{_NULL}, or no sweep came to its end",
        ),
    ),
)  # fmt: skip
