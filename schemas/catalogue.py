"""What is told of a feature to those who read its values."""

from typing import Literal

from msgspec import Struct

from schemas.time import Timeframe

__all__ = ["FeatureEntry"]


class FeatureEntry(Struct, frozen=True, kw_only=True):
    """A feature's meaning; `docs/features.md` explains the fields."""

    name: str
    unit: str
    summary: str
    formula: str
    source: str
    null: str
    """When it is not known."""
    inputs: list[str]
    ready: int
    """Bars."""
    memory: str
    """Bars, or sessions."""
    timeframes: list[Timeframe]
    low: float | None = None
    high: float | None = None
    """The range of its values, null where there is no bound."""
    warm_up: str = "0"
    """Bars, or sessions, that a start from stored bars has to cover."""
    place: Literal["vector", "context"] = "vector"
    """Where its values are: in the vector, or in its context."""
