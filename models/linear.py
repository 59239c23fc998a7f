"""A linear model of standardised inputs: what its terms add to the logit, as data."""

from typing import Final

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from models.errors import ModelRefused
from models.rows import LARGEST, Row

__all__ = ["Linear", "decode_linear"]

_FLAT: Final = 1e-30
"""Scale that counts as none: what is divided by it stays far from the largest float64."""


class Linear(Struct, frozen=True, kw_only=True):
    """logit = intercept + sum of weight z, z = (x - mean) / scale; a value that is not known counts as its mean.

    Raises:
        ValueError: lists of different lengths, a scale that is not above zero, or a number that is no float32.

    >>> linear = Linear(means=[50.0], scales=[10.0], weights=[0.5], intercept=-0.1)
    >>> linear.values(np.array([70.0], np.float32)).tolist()
    [1.0]
    """

    means: list[float]
    scales: list[float]
    weights: list[float]
    intercept: float
    reach: float | None = None
    """What z is held within, to either side of 0."""
    signed: list[float] = []
    """Further weights, of z times the direction: what speaks for a long speaks against a short."""
    direction: int = 0
    """Which input the direction is, where there are such weights."""

    def __post_init__(self) -> None:
        if not len(self.means) == len(self.scales) == len(self.weights):
            raise ValueError(f"{len(self.means)} means, {len(self.scales)} scales and {len(self.weights)} weights")
        numbers = (*self.means, *self.scales, *self.weights, *self.signed, self.intercept)
        if not all(abs(number) <= LARGEST for number in numbers):
            raise ValueError("a number is no float32")
        if not all(scale > _FLAT for scale in self.scales) or (self.reach is not None and not self.reach > 0):
            raise ValueError("a scale, or the reach, is not above zero")
        if self.signed and not (len(self.signed) == len(self.weights) > self.direction >= 0):
            raise ValueError(
                f"{len(self.signed)} signed weights, direction {self.direction}, {len(self.weights)} inputs"
            )

    @property
    def base(self) -> float:
        """The logit where all inputs are at their means."""
        return self.intercept

    def values(self, row: Row) -> NDArray[np.float64]:
        """What each input adds to the logit of the row, or of each of several, beside `base`."""
        known = np.clip(row.astype(np.float64), -LARGEST, LARGEST)  # infinite less infinite would be no number
        z = (known - self.means) / self.scales
        if self.reach is not None:
            z = np.clip(z, -self.reach, self.reach)
        weights = np.array(self.weights)
        if self.signed:
            weights = weights + np.array(self.signed) * known[..., self.direction, np.newaxis]
        return np.where(np.isnan(row), 0.0, weights * z)


def decode_linear(text: str, width: int) -> Linear:
    """The model of ``width`` inputs in ``text``.

    Raises:
        ModelRefused: it is none.
    """
    try:
        linear = msgspec.json.decode(text, type=Linear)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ModelRefused(f"model.txt: {error}") from error
    if len(linear.weights) != width:
        raise ModelRefused(f"model.txt: {len(linear.weights)} weights for {width} inputs")
    return linear
