"""What is summed up between two closes, and how it becomes features."""

from collections.abc import Callable
from typing import Any, Protocol, Self

from operators.feature import Close, Feature, Measure, Stateless, one

__all__ = ["Flow", "Part", "summary"]


class Part(Protocol):
    """What one meter saw in a minute, or in several that follow each other; a named tuple of plain values."""

    def plus(self, later: Self) -> Self:
        """Both together."""


Flow = dict[str, Any]
"""Parts by the name of their meter; one that saw nothing is not there."""


def summary(meter: str, read: Callable[[Any, Close], tuple[float | None, ...]], *features: Feature) -> Measure:
    """A measure that ``read`` makes of what ``meter`` saw during the bar; all ``None`` where that is nothing."""
    nothing = (None,) * len(features)

    def step(_: Stateless, close: Close) -> tuple[float | None, ...]:
        part = close.flow.get(meter)
        return nothing if part is None else read(part, close)

    return one(Stateless, step, *features)
