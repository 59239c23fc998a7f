"""The book through time: how it stood at the samples between two decisions, and at these themselves."""

from collections.abc import Sequence
from operator import add
from typing import Final, NamedTuple

from operators import moments
from operators.feature import Close, Feature
from operators.flow import shape
from operators.flow.part import summary
from operators.state import Slotted

__all__ = ["MEASURES", "BookMeter", "SamplesPart"]

_OF: Final = {feature.name: feature for part in (moments, shape) for feature in part.MEASURES[0].features}
_SPREAD: Final = (
    "microprice_bps", "obi_1", "obi_5", "obi_10", "obi_20", "obi_10bps", "obi_25bps", "obi_50bps",
    "weighted_mid_10_bps",
)  # fmt: skip
"""What has extremes too: they say which way it leant, and how far."""
_LEVEL: Final = tuple(name for name in _OF if name.startswith(("depth_", "slope_")))
_SAMPLED: Final = _SPREAD + _LEVEL
_INFINITE: Final = float("inf")


class SamplesPart(NamedTuple):
    """Of each measure, in the order that `BookMeter` takes them: samples at which it was known, sum, and extremes."""

    numbers: tuple[int, ...]
    totals: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]

    def plus(self, later: "SamplesPart") -> "SamplesPart":
        """Both together."""
        return SamplesPart(
            tuple(map(add, self.numbers, later.numbers)), tuple(map(add, self.totals, later.totals)),
            tuple(map(min, self.lows, later.lows)), tuple(map(max, self.highs, later.highs)),
        )  # fmt: skip


class BookMeter(Slotted):
    """Sums and extremes of the measures in this file's order, the first of which have extremes.

    Examples
    --------
    >>> meter = BookMeter()
    >>> for x in (0.5, -0.25):
    ...     meter.add([x] + [None] * 16)
    >>> part = meter.take()
    >>> part.numbers[0], part.totals[0], part.lows[0], part.highs[0]
    (2, 0.25, -0.25, 0.5)
    """

    __slots__ = ("_highs", "_lows", "_numbers", "_totals")

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._totals: list[float] = []
        self._lows: list[float] = []
        self._highs: list[float] = []
        self._begin()

    def add(self, values: Sequence[float | None]) -> None:
        """Take a sample; ``None``: not known."""
        numbers, totals, lows, highs = self._numbers, self._totals, self._lows, self._highs
        for at, value in enumerate(values[: len(_SPREAD)]):
            if value is not None:
                if not numbers[at]:
                    lows[at] = highs[at] = value
                elif value < lows[at]:
                    lows[at] = value
                elif value > highs[at]:
                    highs[at] = value
        for at, value in enumerate(values):
            if value is not None:
                numbers[at] += 1
                totals[at] += value

    def take(self) -> SamplesPart | None:
        """What was sampled since last taken; ``None`` if nothing of it was known."""
        part = SamplesPart(tuple(self._numbers), tuple(self._totals), tuple(self._lows), tuple(self._highs))
        if not any(part.numbers):
            return None
        self._begin()
        return part

    def _begin(self) -> None:
        self._numbers, self._totals = [0] * len(_SAMPLED), [0.0] * len(_SAMPLED)
        self._lows, self._highs = [_INFINITE] * len(_SPREAD), [-_INFINITE] * len(_SPREAD)


def _read(part: SamplesPart, _: Close) -> tuple[float | None, ...]:
    found: list[float | None] = []
    for number, total, low, high in zip(part.numbers, part.totals, part.lows, part.highs, strict=False):
        found += (total / number, low, high) if number else (None, None, None)
    levels = zip(part.numbers[len(_SPREAD) :], part.totals[len(_SPREAD) :], strict=True)
    return *found, *[total / number if number else None for number, total in levels]


def _feature(name: str, word: str, what: str) -> Feature:
    of = _OF[name]
    return Feature(
        name=f"{name}_{word}", unit=of.unit, low=of.low, high=of.high, inputs=of.inputs, memory=1, source=of.source,
        summary=f"{what} of {name} from decision to decision",
        formula=f"{word}({name}) over the first heartbeat of each second and each minute's decision, where known",
        null=f"{name} was known at none of these",
    )  # fmt: skip


MEASURES = (
    summary(
        "book", _read,
        *(
            _feature(name, word, what)
            for name in _SPREAD
            for word, what in (("mean", "Mean"), ("min", "Least"), ("max", "Greatest"))
        ),
        *(_feature(name, "mean", "Mean") for name in _LEVEL),
    ),
)  # fmt: skip
