"""What is learned from, as arrays: inputs, whether it won, what it paid, and what was known when."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from models.config import TrainConfig
from models.dataset import Dataset
from models.errors import ModelError
from models.trained import CANDIDATE_INPUTS
from models.weights import ages
from schemas.time import DAY, to_text

__all__ = ["Sample", "inputs_of", "sample_of"]

_COLUMNS = ("x", "net", "decided", "ends", "weight", "ahead")


class Sample(Struct, frozen=True):
    """Rows in order of their decision."""

    inputs: list[str]
    x: NDArray[np.float32]
    net: NDArray[np.float64]
    """Net return."""
    decided: NDArray[np.int64]
    """ns."""
    ends: NDArray[np.int64]
    """When the label was known, ns."""
    weight: NDArray[np.float64]
    """Uniqueness; age counts beside it, from where it is trained."""
    ahead: NDArray[np.float64]
    """Return of the market over the first bar after the decision, whatever the direction; to look for leaks."""
    half_life_days: float

    @property
    def win(self) -> NDArray[np.bool_]:
        """Whether the net return is a gain."""
        return self.net > 0

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: NDArray[Any]) -> "Sample":
        """Of ``rows``: a mask or positions."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _COLUMNS})

    def followed_by(self, other: "Sample") -> "Sample":
        """Both, one after the other."""
        return replace(self, **{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in _COLUMNS})

    def weights(self) -> NDArray[np.float64]:
        """By uniqueness and age at the last label's end; 1 in the mean."""
        found = self.weight * ages(self.ends, int(self.ends.max()), self.half_life_days)
        return np.asarray(found / found.mean())

    @property
    def longest(self) -> int:
        """From a decision to its label's end, ns; at least a day, so that a day's rows stay together."""
        return max(int((self.ends - self.decided).max()), DAY)


def inputs_of(data: Dataset, config: TrainConfig) -> tuple[list[str], list[str]]:
    """The inputs to train on, and those that would be but are not known in any row."""
    units = data.manifest.inputs
    asked = [
        name for name in data.inputs
        if name in CANDIDATE_INPUTS or (units[name] not in config.without_units and name not in config.without)
    ]  # fmt: skip
    found = [name for name in asked if not np.isnan(data.x[:, data.inputs.index(name)]).all()]
    return found, [name for name in asked if name not in found]


def sample_of(data: Dataset, inputs: Sequence[str], config: TrainConfig, name: str) -> Sample:
    """The labelled rows of ``data``, called ``name`` in errors.

    Raises:
        ModelError: nothing can be learned from them: too few, of one class, or an input that is never known.
    """
    data = data.seen()
    lacking = config.least_outcomes - len(data)
    if lacking > 0:
        told = data.manifest
        days = (told.ts_end - told.ts_start) / DAY
        more = f", at its pace some {days * lacking / len(data):.0f} days more" if len(data) else ""
        raise ModelError(
            f"{name}: {len(data)} outcomes from {to_text(told.ts_start)} to {to_text(told.ts_end)}, "
            f"{config.least_outcomes} are needed: {lacking} more{more}; until then the strategy goes by its rules alone"
        )
    net = np.asarray(data["net_return"], dtype=np.float64)
    wins = int((net > 0).sum())
    if wins in {0, len(net)}:
        raise ModelError(
            f"{name}: all {len(net)} outcomes are {'wins' if wins else 'losses'}: both are needed to learn from, so a "
            "longer span or other costs"
        )
    x = np.ascontiguousarray(data.x[:, [data.inputs.index(each) for each in inputs]])
    empty = [each for at, each in enumerate(inputs) if np.isnan(x[:, at]).all()]
    if empty:
        raise ModelError(
            f"{name}: {', '.join(empty)} not known in any of {len(x)} rows: leave out, or feed what it needs"
        )
    direction = data.x[:, data.inputs.index("direction")]
    return Sample(
        list(inputs), x, net, data["ts_decided"], data["ts_end"], data["uniqueness"],
        np.asarray(data["forward_1"] * direction, dtype=np.float64), config.half_life_days,
    )  # fmt: skip
