"""Returns bar by bar, and how two series of them move together: sums in which nothing is ever rounded."""

from math import atanh, sqrt
from typing import Final, NamedTuple

__all__ = ["BOUND", "GRID", "KEPT", "LAGS", "RECENT", "WINDOW", "Comoments", "Returns"]

WINDOW: Final = 60
"""Bars of a correlation."""
RECENT: Final = 20
"""Bars that are held against the `WINDOW` before them."""
LAGS: Final = 3
"""Bars by which one may lead the other."""
KEPT: Final = WINDOW + RECENT + 1
GRID: Final = 2.0**53
"""Floats just below one lie so close: a price over another, minus one, is a whole number of such steps."""
BOUND: Final = 2**57
"""16 in units of `GRID`: below it sums of `WINDOW` products, times `WINDOW`, have the 128 bits of compiled code."""
_NEAR_ONE: Final = 0.999999
"""The transform of a correlation of one is infinite."""
_ERROR: Final = sqrt(1 / (RECENT - 3) + 1 / (WINDOW - 3))


_Span = tuple[int, int, float]
"""Of so many values: their sum, their variance times the square of their number, and its root."""


class Returns:
    """The last returns of one series, none missing between them, in units of 1 / `GRID`.

    As each is an integer, so are sums of them and of their products, which Python does not round: nothing piles up as
    values come and go, no order of adding matters, and what is made anew from the same values is the same to the bit.

    Attributes
    ----------
    values
        Oldest first, at most `KEPT`.
    windows
        Of the last `WINDOW` values, and as that was 1 to `LAGS` bars ago; shorter until there are so many.
    recent, before
        Of the last `RECENT` values, and of the `WINDOW` before them, as soon as there are so many.
    """

    __slots__ = ("_sums", "before", "recent", "values", "windows")

    def __init__(self) -> None:
        self.clear()

    def __len__(self) -> int:
        """How many there are."""
        return len(self.values)

    @property
    def last(self) -> int:
        """The newest."""
        return self.values[-1]

    def clear(self) -> None:
        """There is a hole: begin anew."""
        self.values: list[int] = []
        self.windows: list[_Span] = []
        self.recent: _Span | None = None
        self.before: _Span | None = None
        self._sums = (0, 0, 0, 0, 0, 0)  # sum and sum of squares of the three

    def push(self, x: int) -> None:
        """Take the next one."""
        values = self.values
        values.append(x)
        count = len(values)
        if count > KEPT:
            del values[0]
            count = KEPT
        # What comes into a span and what leaves it, 0 where there was nothing yet.
        a = values[-1 - RECENT] if count > RECENT else 0
        b = values[-1 - WINDOW] if count > WINDOW else 0
        c = values[0] if count == KEPT else 0
        xx, aa, bb, cc = x * x, a * a, b * b, c * c
        window, window2, recent, recent2, before, before2 = self._sums
        window, window2 = window + x - b, window2 + xx - bb
        recent, recent2 = recent + x - a, recent2 + xx - aa
        before, before2 = before + a - c, before2 + aa - cc
        self._sums = window, window2, recent, recent2, before, before2
        if count >= WINDOW:
            self.windows = [_span(WINDOW, window, window2), *self.windows[:LAGS]]
        if count >= RECENT:
            self.recent = _span(RECENT, recent, recent2)
        if count >= RECENT + WINDOW:
            self.before = _span(WINDOW, before, before2)


def _span(length: int, total: int, squares: int) -> _Span:
    variance = length * squares - total * total
    return total, variance, sqrt(variance)


class _Term(NamedTuple):
    """A sum of products: which bars ago the newest of each series, and over how many."""

    x: int
    y: int
    length: int


_TERMS: Final = (
    *(_Term(max(-lag, 0), max(lag, 0), WINDOW) for lag in range(-LAGS, LAGS + 1)),
    _Term(0, 0, RECENT),
    _Term(RECENT, RECENT, WINDOW),
)
_SHORTEST_FIRST: Final = [
    (float(lag), LAGS + lag, max(-lag, 0), max(lag, 0))
    for lag in sorted(range(-LAGS, LAGS + 1), key=lambda lag: (abs(lag), -lag))
]
"""Lags, each with its term and how many bars ago the window of either series ends."""
_NOW, _RECENT, _BEFORE = LAGS, len(_TERMS) - 2, len(_TERMS) - 1
_STEADY: Final = [
    (KEPT - 1 - t.x, KEPT - 1 - t.y, KEPT - 1 - t.x - t.length, KEPT - 1 - t.y - t.length) for t in _TERMS
]
"""Where the bars lie that come into a term and that leave it, in series of `KEPT`."""


class Comoments:
    """Sums of products of two `Returns`, over the bars that both have: O(1) a bar, and all that is asked of them.

    Every one of these is ``None`` where there are too few bars, or where a series has not moved at all.
    """

    __slots__ = ("_bars", "_sums", "_x", "_y")

    def __init__(self) -> None:
        self._x = self._y = Returns()
        self._bars = 0
        self._sums = [0] * len(_TERMS)

    def follow(self, x: Returns, y: Returns) -> None:
        """Both series have moved on by a bar, or have begun anew."""
        xs, ys = x.values, y.values
        bars, before = min(len(xs), len(ys)), self._bars
        self._x, self._y, self._bars = x, y, bars
        if bars == before == KEPT:
            self._sums = [
                known + xs[a] * ys[b] - xs[c] * ys[d] for known, (a, b, c, d) in zip(self._sums, _STEADY, strict=True)
            ]
        elif bars:
            self._sums = [self._anew(term) for term in _TERMS]

    def forget(self) -> None:
        """There is nothing to compare with at this bar."""
        self._bars = 0

    def _anew(self, term: _Term) -> int:
        count = min(term.length, self._bars - max(term.x, term.y))
        xs, ys = self._x.values, self._y.values
        return sum(xs[-1 - term.x - at] * ys[-1 - term.y - at] for at in range(count))

    def correlation(self) -> float | None:
        """Over the last `WINDOW` bars, -1 to 1."""
        return self._correlation(_NOW, self._x.windows[0], self._y.windows[0]) if self._bars >= WINDOW else None

    def beta(self) -> float | None:
        """Slope of the first series on the second, by least squares, over the last `WINDOW` bars."""
        if self._bars < WINDOW:
            return None
        (x, _, _), (y, variance, _) = self._x.windows[0], self._y.windows[0]
        return (WINDOW * self._sums[_NOW] - x * y) / variance if variance else None

    def lead(self) -> tuple[float, float] | None:
        """By how many bars the second series leads the first, and their correlation at that lag.

        It is the lag of the largest absolute correlation; of equal ones the shortest, then the positive one.
        """
        if self._bars < WINDOW + LAGS:
            return None
        xs, ys, sums = self._x.windows, self._y.windows, self._sums
        best, found = -1.0, None
        for lag, term, x_ago, y_ago in _SHORTEST_FIRST:
            x, _, x_root = xs[x_ago]
            y, _, y_root = ys[y_ago]
            if x_root and y_root:
                correlation = (WINDOW * sums[term] - x * y) / (x_root * y_root)
                if abs(correlation) > best:
                    best, found = abs(correlation), (lag, correlation)
        return None if found is None else (found[0], _bounded(found[1]))

    def shift(self) -> float | None:
        """How far the correlation of the last `RECENT` bars is from that of the `WINDOW` before, in standard errors.

        R. A. Fisher's transform: ``(atanh(r) - atanh(s)) / sqrt(1 / (n - 3) + 1 / (m - 3))``.
        """
        if self._bars < RECENT + WINDOW:
            return None
        x, y = self._x, self._y
        assert x.recent is not None
        assert y.recent is not None
        assert x.before is not None
        assert y.before is not None
        now = self._correlation(_RECENT, x.recent, y.recent)
        before = self._correlation(_BEFORE, x.before, y.before)
        if now is None or before is None:
            return None
        return (_fisher(now) - _fisher(before)) / _ERROR

    def _correlation(self, term: int, x: _Span, y: _Span) -> float | None:
        (x_total, _, x_root), (y_total, _, y_root) = x, y
        if not x_root or not y_root:
            return None
        return _bounded((_TERMS[term].length * self._sums[term] - x_total * y_total) / (x_root * y_root))


def _bounded(correlation: float) -> float:
    return -1.0 if correlation < -1.0 else 1.0 if correlation > 1.0 else correlation


def _fisher(correlation: float) -> float:
    return atanh(max(-_NEAR_ONE, min(_NEAR_ONE, correlation)))
