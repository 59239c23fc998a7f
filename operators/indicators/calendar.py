"""Where a close lies in the day and in the week."""

from functools import lru_cache
from math import cos, pi, sin
from typing import Final

from operators.feature import Close, Feature, Stateless, one
from schemas.time import DAY

__all__ = ["MEASURES", "SESSIONS", "cyclic"]

SESSIONS: Final = {"asia": (0, 9), "europe": (7, 16), "us": (13, 22)}
"""Hours UTC in which the markets of a region are busiest; they overlap, and know no daylight saving."""
_HOURS: Final = tuple(SESSIONS.values())
_HOUR: Final = DAY // 24
_MONDAY: Final = 4 * DAY  # the first Monday after the epoch, which was a Thursday


def cyclic(at: int, period: int) -> tuple[float, float]:
    """Sine and cosine of the place of ``at`` (ns) in its ``period``: neighbours stay neighbours at midnight.

    >>> cyclic(6, 24)
    (1.0, 6.123233995736766e-17)
    """
    angle = 2.0 * pi * (at % period) / period
    return sin(angle), cos(angle)


def _step(_: Stateless, close: Close) -> tuple[float, ...]:
    return _of(close.ts_close)


@lru_cache(maxsize=2_000)
def _of(ts: int) -> tuple[float, ...]:
    """The same for all instruments and timeframes that close at ``ts`` (ns); of each a batch has many closes."""
    hour = ts % DAY / _HOUR
    sessions = [1.0 if first <= hour < last else 0.0 for first, last in _HOURS]
    return *cyclic(ts, DAY), *cyclic(ts - _MONDAY, 7 * DAY), *sessions


def _entry(name: str, summary: str, formula: str, low: float = -1.0) -> Feature:
    return Feature(
        name=name, unit="ratio" if low else "flag", low=low, high=1.0, inputs=(), summary=summary, formula=formula,
        source="its definition", null="never",
    )  # fmt: skip


MEASURES = (
    one(
        Stateless, _step,
        _entry("hour_sin", "Hour of the close, cyclic", "sin(2 pi hour / 24)"),
        _entry("hour_cos", "Hour of the close, cyclic", "cos(2 pi hour / 24)"),
        _entry("weekday_sin", "Day of the week of the close, cyclic", "sin(2 pi days since Monday / 7)"),
        _entry("weekday_cos", "Day of the week of the close, cyclic", "cos(2 pi days since Monday / 7)"),
        *(
            _entry(f"session_{name}", f"Whether the close lies in hours {first} to {last} UTC",
                   f"{first} <= hour < {last}", 0.0)
            for name, (first, last) in SESSIONS.items()
        ),
    ),
)  # fmt: skip
