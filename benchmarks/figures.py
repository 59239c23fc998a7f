"""What is measured, as one names it: a value with its spread, and what it was meant to be."""

from statistics import median
from typing import Any

from msgspec import Struct

__all__ = ["Figure", "Result", "of_runs"]


class Figure(Struct, kw_only=True):
    """One line of the table."""

    part: str
    name: str
    value: float
    unit: str
    runs: list[float] = []
    """Each run's value; ``value`` is their median."""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether it is what it was meant to be; ``None`` where nothing was meant."""
        if self.at_least is None and self.at_most is None:
            return None
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )


class Result(Struct, kw_only=True):
    """All of a run of the benchmarks."""

    machine: dict[str, Any]
    quick: bool
    log: str
    """What the log was made of."""
    figures: list[Figure]


def of_runs(part: str, name: str, runs: list[float], unit: str, **target: float) -> Figure:
    """The median of ``runs``."""
    return Figure(part=part, name=name, value=median(runs), unit=unit, runs=runs, **target)
