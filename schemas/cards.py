"""What a version of a model shows of itself: how good it was out of sample, and what it looks at."""

from msgspec import Struct

__all__ = ["CurveBin", "Importance", "ModelCard"]


class CurveBin(Struct, frozen=True, kw_only=True):
    """A part of what was said out of sample, and what came of it."""

    said: float
    """Mean of the probabilities."""
    seen: float
    """Share of wins."""
    rows: int


class Importance(Struct, frozen=True, kw_only=True):
    """How much an input weighs among all, whose shares sum to 1, in the windows of the walk-forward."""

    feature: str
    mean: float
    low: float
    """Of the window in which it weighs least."""
    high: float


class ModelCard(Struct, frozen=True, kw_only=True):
    """A version of a model. Times are ns; what its training did not write down is empty."""

    model: str
    version: str
    kind: str
    train_start: int
    train_end: int
    outcomes: int
    """That it was trained on."""
    figures: dict[str, float]
    """Walk-forward, out of sample."""
    curve: list[CurveBin]
    """In parts of equal size, lowest probabilities first."""
    importance: list[Importance]
    """Those that weigh most, first."""
