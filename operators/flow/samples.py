"""The book's imbalance through time: what it was at the samples between two decisions."""

from typing import Final, NamedTuple

from operators.feature import Close, Feature
from operators.flow.part import summary
from operators.state import Slotted

__all__ = ["MEASURES", "ImbalanceMeter", "SamplesPart"]


class SamplesPart(NamedTuple):
    """Values at some samples."""

    number: int
    total: float
    low: float
    high: float

    def plus(self, later: "SamplesPart") -> "SamplesPart":
        """Both together."""
        return SamplesPart(
            self.number + later.number, self.total + later.total, min(self.low, later.low), max(self.high, later.high)
        )  # fmt: skip


class ImbalanceMeter(Slotted):
    """Mean and extremes of what it is given.

    Examples
    --------
    >>> meter = ImbalanceMeter()
    >>> for x in (0.5, -0.25):
    ...     meter.add(x)
    >>> meter.take()
    SamplesPart(number=2, total=0.25, low=-0.25, high=0.5)
    """

    __slots__ = ("_high", "_low", "_number", "_total")

    def __init__(self) -> None:
        self._number = 0
        self._total = self._low = self._high = 0.0

    def add(self, value: float) -> None:
        """Take a sample."""
        if not self._number:
            self._low = self._high = value
        elif value < self._low:
            self._low = value
        elif value > self._high:
            self._high = value
        self._number += 1
        self._total += value

    def take(self) -> SamplesPart | None:
        """What was sampled since last taken."""
        number, total = self._number, self._total
        self._number, self._total = 0, 0.0
        return SamplesPart(number, total, self._low, self._high) if number else None


def _read(part: SamplesPart, _: Close) -> tuple[float, float, float]:
    return part.total / part.number, part.low, part.high


_SOURCE: Final = "Cartea, Jaimungal, Penalva, Algorithmic and High-Frequency Trading, 2015"


def _feature(name: str, what: str, formula: str) -> Feature:
    return Feature(
        name=f"obi_10_{name}", unit="ratio", low=-1.0, high=1.0, inputs=("book",), memory=1, source=_SOURCE,
        summary=f"{what} of obi_10 at the samples of the book since the last decision", formula=formula,
        null="at no sample of the book 10 levels a side were known",
    )  # fmt: skip


MEASURES = (
    summary(
        "imbalance", _read,
        _feature("mean", "Mean", "mean(obi_10)"), _feature("min", "Least", "min(obi_10)"),
        _feature("max", "Greatest", "max(obi_10)"),
    ),
)  # fmt: skip
