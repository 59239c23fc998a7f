"""Crossovers: when one series went through another."""

from typing import Final

from operators.feature import Feature, forgotten, of_close, one, settled
from operators.indicators.ema import ExponentialMovingAverage, average_feature
from operators.state import Slotted

__all__ = ["CROSS_AGES", "MEASURES", "Cross", "EmaCross", "cross_features"]

CROSS_AGES: Final = 100
"""Bars after which a crossing is no longer told: else its age could not be known after a start from stored bars."""


class Cross(Slotted):
    """The last change of sign of a difference, and how many bars ago it was.

    Standing exactly on the other series is no crossing; leaving it on the other side is.

    Examples
    --------
    >>> cross = Cross()
    >>> [cross.update(x) for x in (1.0, -1.0, -2.0, 0.0, 3.0)]
    [(0.0, None), (-1.0, 0.0), (0.0, 1.0), (0.0, 2.0), (1.0, 0.0)]
    """

    __slots__ = ("_age", "_sign")

    def __init__(self) -> None:
        self._sign = 0.0
        self._age: float | None = None

    def update(self, difference: float) -> tuple[float, float | None]:
        """Take one difference; 1 or -1 if it went through 0 just now, else 0, and bars since the last time."""
        if self._age is not None:
            self._age = self._age + 1.0 if self._age < CROSS_AGES else None
        sign = (difference > 0.0) - (difference < 0.0)
        if not sign or sign == self._sign:
            return 0.0, self._age
        before, self._sign = self._sign, float(sign)
        if not before:
            return 0.0, self._age
        self._age = 0.0
        return self._sign, self._age


class EmaCross(Slotted):
    """A fast and a slow exponential average of closes, and their crossings."""

    __slots__ = ("_cross", "_fast", "_slow")

    def __init__(self, fast: int = 9, slow: int = 21) -> None:
        self._fast, self._slow = ExponentialMovingAverage(fast), ExponentialMovingAverage(slow)
        self._cross = Cross()

    def update(self, x: float) -> tuple[float | None, ...]:
        """Take one price; both averages, direction and age of their crossing."""
        fast, slow = self._fast.update(x), self._slow.update(x)
        if fast is None or slow is None:
            return fast, slow, None, None
        return fast, slow, *self._cross.update(fast - slow)


def cross_features(
    name: str, fast: str, slow: str, *, ready: int, memory: int, warm_up: int
) -> tuple[Feature, Feature]:
    """The two features of a crossing of ``fast`` through ``slow``."""
    seen = memory + CROSS_AGES
    return (
        Feature(
            name=f"{name}_cross", unit="sign", summary=f"{fast} went through {slow} at this close", low=-1.0, high=1.0,
            formula=f"sign({fast} - {slow}) where it changed, else 0", source="its definition", null="never",
            ready=ready, memory=memory, warm_up=warm_up,
        ),
        Feature(
            name=f"{name}_cross_age", unit="bars", summary=f"Bars since {fast} went through {slow}", low=0.0,
            high=float(CROSS_AGES), formula=f"t - t({name}_cross != 0)", source="its definition",
            null=f"no crossing within {CROSS_AGES} bars", ready=ready, memory=seen, warm_up=warm_up,
        ),
    )  # fmt: skip


_SLOW = 2 / 22

MEASURES = (
    one(
        EmaCross, of_close, average_feature(9), average_feature(21),
        *cross_features(
            "ema", "ema_9", "ema_21", ready=21, memory=forgotten(_SLOW), warm_up=settled(_SLOW) + CROSS_AGES
        ),
    ),
)  # fmt: skip
