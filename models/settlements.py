"""When funding was settled, and at which rate, as the vectors of an instrument tell it."""

from collections.abc import Mapping
from typing import Final

from schemas.time import HOUR, floor_to

__all__ = ["INTERVAL", "TOLD", "settled"]

INTERVAL: Final = 8 * HOUR
"""Between two settlements where an instrument's definition does not say."""

TOLD: Final = ("funding_rate", "funding_settled", "hours_to_funding")
"""The features that it takes."""
Features = Mapping[str, float | None]


def settled(
    ts_open: int, ts_close: int, before: Features, after: Features, interval: int = INTERVAL
) -> tuple[int, float] | None:
    """The settlement in the bar from ``ts_open`` up to ``ts_close`` (ns) and its rate, if there was one.

    ``before`` and ``after`` are the features at both. A venue that tells the running rate beforehand, and when it will
    be settled, settles the last one told before; else it is what is told after as settled, or as in force.

    >>> settled(8 * HOUR, 8 * HOUR + 1, {"funding_settled": 1e-4}, {"funding_settled": 3e-4})
    (28800000000000, 0.0003)
    """
    at = floor_to(ts_close - 1, interval)
    if at < ts_open:
        return None
    rate = before.get("funding_rate") if before.get("hours_to_funding") is not None else None
    for name in ("funding_settled", "funding_rate"):
        rate = after.get(name) if rate is None else rate
    return None if rate is None else (at, rate)
