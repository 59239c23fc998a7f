"""How unusual a value is, measured against the last day or two before it, on the longest timeframes against more."""

from math import sqrt
from typing import Final

from operators.feature import LONG_BARS, Close, Feature, Input, one
from operators.indicators.window import Window
from operators.state import Slotted
from schemas.time import DAY, HOUR

__all__ = ["MEASURES", "SessionsZScore", "ZScore"]


class SessionsZScore(Slotted):
    """Distance from the mean in standard deviations, both of the session before and of the one so far: 24 to 48 h.

    Two sessions' sums need no window: O(1) in time and memory, and a start from stored bars ends up at the same value.
    The value itself is not among those it is measured against, nor is anything later. Sums are those of B. P. Welford
    (Technometrics 4, 1962), put together as by T. Chan, G. Golub, R. LeVeque (The American Statistician 37, 1983).
    ``None`` until a session was seen whole, of which at least `_LEAST` values and one of its first hour were known,
    and while nothing has varied.

    Examples
    --------
    >>> z = SessionsZScore()
    >>> [z.update(hour * HOUR, float(hour % 2)) for hour in range(24)][-1], z.update(DAY, 1.5)
    (None, 2.0)
    """

    __slots__ = ("_before", "_count", "_end", "_mean", "_session", "_squares")
    VERSION = 3

    def __init__(self) -> None:
        self._session: int | None = None
        self._end = 0  # of the day of the last bar
        self._count = 0
        self._mean = self._squares = 0.0
        self._before: tuple[int, float, float] | None = None  # the session before, if seen whole

    def update(self, ts_open: int, x: float | None) -> float | None:
        """Take the value ``x`` of the bar that begins at ``ts_open`` (ns); its distance from those before."""
        if ts_open >= self._end:
            session = ts_open - ts_open % DAY
            self._end = session + DAY
            self._turn(session, whole=ts_open == session)
        if x is None:
            return None
        if not self._count and ts_open >= self._end - _LATEST:
            self._session = None
        score = self._score(x)
        self._count += 1
        step = x - self._mean
        self._mean += step / self._count
        self._squares += step * (x - self._mean)
        return score

    def _turn(self, session: int, *, whole: bool) -> None:
        known = self._session is not None and session == self._session + DAY and self._count >= _LEAST
        self._before = (self._count, self._mean, self._squares) if known else None
        self._session = session if whole else None
        self._count, self._mean, self._squares = 0, 0.0, 0.0
        if not whole:
            self._before = None

    def _score(self, x: float) -> float | None:
        if self._before is None:
            return None
        count, mean, squares = self._before
        both = count + self._count
        apart = self._mean - mean if self._count else 0.0
        mean += apart * self._count / both
        squares += self._squares + apart * apart * count * self._count / both
        deviation = sqrt(squares / both) if squares > 0.0 else 0.0
        return (x - mean) / deviation if deviation > _NOTHING * abs(mean) else None


_LEAST: Final = 12
"""Values of a session below which they say nothing of a day."""
_LATEST: Final = DAY - HOUR
"""Before its end one has to be known, else the day was not seen from its begin."""
_NOTHING: Final = 1e-12
"""Of the mean: a deviation that is rounding only."""


class ZScore(Slotted):
    """A `SessionsZScore` of bars of up to an hour; longer ones, of which two sessions hold too few for a deviation to
    mean something, are measured against the `LONG_BARS` before, which begin anew where the value is not known."""

    __slots__ = ("_bars", "_sessions")

    def __init__(self) -> None:
        self._bars, self._sessions = Window(LONG_BARS, "z-score"), SessionsZScore()

    def update(self, close: Close, x: float | None) -> float | None:
        """Take the value ``x`` of a closed bar; its distance from those before."""
        ts_open = close.bar.ts_open
        if close.ts_close - ts_open <= HOUR:
            return self._sessions.update(ts_open, x)
        bars, score = self._bars, None
        if x is None:
            bars.clear()  # values of before the hole would stay in for longer than the catalogue says
            return None
        if bars.full:
            newest, (shift, deviation) = bars.newest, bars.spread()
            if deviation > _NOTHING * abs(newest + shift):
                score = (x - newest - shift) / deviation
        bars.push(x)
        return score


class _BarScores(Slotted):
    """Return and volume of a bar, each beside those of the last day or two."""

    __slots__ = ("_close", "_return", "_volume")

    def __init__(self) -> None:
        self._close: float | None = None
        self._return, self._volume = ZScore(), ZScore()

    def update(self, close: Close) -> tuple[float | None, float | None]:
        bar = close.bar
        before, self._close = self._close, bar.close
        moved = None if before is None else bar.close / before - 1.0
        return self._return.update(close, moved), self._volume.update(close, bar.volume)


def z_feature(name: str, of: str, *, inputs: tuple[Input, ...] = ("trades",), ready: int = 1) -> Feature:
    """The entry of a score of the feature or measure ``of``."""
    return Feature(
        name=name, unit="deviations", summary=f"{of} against the last 24 to 48 h, on 4h and 1d {LONG_BARS} bars",
        ready=ready, inputs=inputs, memory="score", warm_up="score",
        formula=f"({of} - mean) / stddev over the session before and this one so far, without the value itself; "
        f"on 4h and 1d over the {LONG_BARS} bars before",
        source="Welford 1962; Chan, Golub, LeVeque 1983",
        null=f"no session before this one was seen from its first hour on and with {_LEAST} values, on 4h and 1d not "
        f"all of the {LONG_BARS} bars before; or nothing varied, or {of} is not known",
    )  # fmt: skip


MEASURES = (one(_BarScores, _BarScores.update, z_feature("return_1_z", "return_1"), z_feature("volume_z", "volume")),)
