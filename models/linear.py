"""A linear model of standardised inputs: the baseline that trees have to beat, as data."""

from math import isfinite, isnan

import msgspec
from msgspec import Struct

from models.errors import ModelRefused
from models.rows import Row

__all__ = ["Linear", "decode_linear"]


class Linear(Struct, frozen=True, kw_only=True):
    """score = intercept + sum of weight (x - mean) / scale; a value that is not known counts as its mean.

    Raises:
        ValueError: lists of different lengths, a scale that is not above zero, or a number that is not finite.
    """

    means: list[float]
    scales: list[float]
    weights: list[float]
    intercept: float

    def __post_init__(self) -> None:
        if not len(self.means) == len(self.scales) == len(self.weights):
            raise ValueError(f"{len(self.means)} means, {len(self.scales)} scales and {len(self.weights)} weights")
        if not all(map(isfinite, (*self.means, *self.scales, *self.weights, self.intercept))):
            raise ValueError("a number is not finite")
        if not all(scale > 0 for scale in self.scales):
            raise ValueError("a scale is not above zero")

    def terms(self, row: Row) -> list[float]:
        """What each input adds to the score."""
        return [
            0.0 if isnan(value) else weight * ((value - mean) / scale)
            for value, mean, scale, weight in zip(row.tolist(), self.means, self.scales, self.weights, strict=True)
        ]

    def score(self, row: Row) -> float:
        """The raw score."""
        return self.intercept + sum(self.terms(row))


def decode_linear(data: bytes, width: int) -> Linear:
    """The model of ``width`` inputs in ``data``.

    Raises:
        ModelRefused: it is none.
    """
    try:
        linear = msgspec.json.decode(data, type=Linear)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelRefused(f"model.json: {error}") from error
    if len(linear.weights) != width:
        raise ModelRefused(f"model.json: {len(linear.weights)} weights for {width} inputs")
    return linear
