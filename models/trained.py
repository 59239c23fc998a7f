"""What training hands on: a model as data, with all that its registry entry says of it."""

from math import exp, isnan, log
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from schemas.cards import CurveBin

__all__ = [
    "CANDIDATE_INPUTS",
    "LEAST_OUTCOMES",
    "Calibration",
    "Count",
    "Everyday",
    "Golden",
    "Histogram",
    "Trained",
    "Window",
]

Count = Annotated[int, Meta(ge=0, le=2**53)]
"""Which a float holds too."""

CANDIDATE_INPUTS: Final = ("direction", "score")
"""Inputs that are the candidate's own: 1 long, -1 short; the sum of its factors' contributions, 0 to 1. All others are
features of the vector or its context, by name."""
LEAST_OUTCOMES: Final = 500
"""Below so many a strategy goes by its rules alone."""


class Calibration(Struct, frozen=True):
    """From a model's logit to a probability (Platt, "Probabilistic outputs for support vector machines", 1999).

    >>> Calibration(1.0, 0.0).probability(0.0)
    0.5
    """

    slope: float
    intercept: float

    def probability(self, logit: float) -> float:
        """0 to 1, both left out.

        Raises:
            ValueError: ``logit`` is none.
        """
        z = self.slope * logit + self.intercept
        if isnan(z):
            raise ValueError(f"a logit of {logit} is no probability")
        p = 1.0 / (1.0 + exp(-z)) if z > -700.0 else 0.0
        return min(max(p, 1e-12), 1.0 - 1e-12)

    def logit(self, probability: float) -> float:
        """The logit of which ``probability`` is made, before calibration."""
        return (log(probability / (1.0 - probability)) - self.intercept) / self.slope


class Golden(Struct, frozen=True, kw_only=True):
    """A row with what the model says to it: whoever serves it has to come to the same within 1e-6."""

    inputs: list[float | None]
    """Each a value of float32."""
    logit: float
    """The model's output."""
    probability: float
    """Calibrated."""


class Histogram(Struct, frozen=True, kw_only=True):
    """How an input was distributed in training."""

    edges: list[float]
    """Rising, between the bins, so one fewer than these; a value at an edge is in the bin above it."""
    counts: list[Count]
    missing: Count
    """Rows in which it was not known."""


class Everyday(Struct, frozen=True, kw_only=True):
    """What a model's inputs were like at the closes of one timeframe, candidates or not."""

    window: Annotated[int, Meta(ge=1, le=2**53)]
    """Closes of all its instruments that are held against the reference together."""
    reference: dict[str, Histogram]
    """By input."""
    drift: dict[str, dict[str, float]]
    """By input, then measure: the threshold of such a window."""


class Window(Struct, frozen=True, kw_only=True):
    """One test of the walk-forward; figures without a value are left out."""

    ts_start: int
    """ns."""
    ts_end: int
    trained: Count
    """Outcomes known at its beginning, and learned from."""
    figures: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    """By figure: between which values 95 % of its redrawn ones lie."""


class Trained(Struct, frozen=True, kw_only=True):
    """A model of one segment: the probability that a candidate of the strategy ends with a net profit.

    ``onnx`` takes ``inputs``: float32 (rows, inputs), not known is NaN, and gives ``logit``: float32 (rows, 1).
    """

    model: str
    """Its name, ``confluence-majors``."""
    kind: Literal["lightgbm-onnx", "logistic-onnx"]
    segment: str
    instruments: list[str]
    strategy: str
    strategy_version: str
    schema_hash: str
    """Of the vectors."""
    context_hash: str
    """Of what the desk adds to them."""
    inputs: list[str]
    onnx: bytes
    text: str
    """The same model as LightGBM writes it; of a logistic one its terms as JSON."""
    calibration: Calibration
    golden: list[Golden]
    reference: dict[str, Histogram]
    """By input."""
    scores: Histogram
    """Of the calibrated probabilities out of sample."""
    curve: list[CurveBin]
    """Those probabilities against the outcomes."""
    importance: dict[str, list[float]]
    """By input, its share in each window of the walk-forward."""
    train_start: int
    """ns; close of the first candidate learned from."""
    train_end: int
    """ns; when the last label learned from was known."""
    outcomes: int
    figures: dict[str, float]
    """Of the walk-forward, pooled: every one of them out of sample."""
    intervals: dict[str, tuple[float, float]]
    """Of those, by name: between which values 95 % of the redrawn ones lie."""
    windows: list[Window]
    dataset: str
    """SHA-256 of its manifest."""
    seed: int
    libraries: dict[str, str]
    """Name to version."""
