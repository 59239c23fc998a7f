"""When funding was settled, and at which rate, as the vectors of an instrument tell it."""

from collections.abc import Mapping
from typing import Final

from schemas.time import HOUR, floor_to

__all__ = ["INTERVAL", "settled"]

INTERVAL: Final = 8 * HOUR
"""Between two settlements where an instrument's definition does not say."""

Features = Mapping[str, float | None]


def settled(
    ts_open: int, ts_close: int, before: Features, after: Features, interval: int = INTERVAL
) -> tuple[int, float] | None:
    """The settlement in the bar from ``ts_open`` up to ``ts_close`` (ns) and its rate, if there was one.

    ``before`` and ``after`` are the features at both. A venue that tells the running rate beforehand, and when it will
    be settled, settles the last one told before; history tells the rate once it is settled.

    >>> settled(8 * HOUR, 8 * HOUR + 1, {"funding_rate": 1e-4}, {"funding_rate": 3e-4})
    (28800000000000, 0.0003)
    """
    at = floor_to(ts_close - 1, interval)
    if at < ts_open:
        return None
    told = before if before.get("hours_to_funding") is not None else after
    rate = told.get("funding_rate")
    return None if rate is None else (at, rate)
