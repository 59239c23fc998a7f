"""What is written down of a model: which question it answers, from which inputs, how it was made and how it did."""

from hashlib import sha256
from itertools import pairwise
from math import exp, isfinite
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from models.errors import ModelRefused
from schemas.time import Timeframe

__all__ = [
    "FILES", "MODEL_NAME", "VERSION_NAME", "Calibration", "Gate", "Golden", "Histogram", "Kind", "Manifest", "decode",
    "encode", "sigmoid", "version_of",
]  # fmt: skip

Kind = Literal["lightgbm-onnx", "logistic"]
FILES: Final[dict[Kind, tuple[str, ...]]] = {
    "lightgbm-onnx": ("model.onnx", "model.txt"),
    "logistic": ("model.json",),
}
"""By kind, the files that a version is made of. ``model.onnx`` takes ``input`` (float32, rows by inputs) and gives
``score`` (rows by 1), the raw score; ``model.txt`` is LightGBM's text of the same trees, ``model.json`` a
`models.linear.Linear`."""
MODEL_NAME: Final = r"^[a-z0-9][a-z0-9-]{0,63}$"
VERSION_NAME: Final = r"^[0-9a-f]{16}$"
_Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
_Probability = Annotated[float, Meta(ge=0, le=1)]


class Histogram(Struct, frozen=True, kw_only=True):
    """How an input was distributed in training: ``counts[i]`` values lie above ``edges[i - 1]`` and up to ``edges[i]``.

    Raises:
        ValueError: edges that do not rise, or counts that are not one more.
    """

    edges: list[float]
    counts: list[Annotated[int, Meta(ge=0)]]
    missing: Annotated[int, Meta(ge=0)] = 0
    """Rows in which it was not known."""

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.edges) + 1:
            raise ValueError(f"{len(self.edges)} edges make {len(self.edges) + 1} bins, not {len(self.counts)}")
        if not all(low < high for low, high in pairwise(self.edges)):
            raise ValueError("edges have to rise")


class Golden(Struct, frozen=True, kw_only=True):
    """A row of inputs and the probability that the model has to give for it."""

    inputs: list[float | None]
    probability: _Probability


class Calibration(Struct, frozen=True, kw_only=True):
    """Platt's: probability = 1 / (1 + exp(-(slope score + intercept))); Platt 1999.

    >>> Calibration().probability(0.0)
    0.5
    """

    slope: float = 1.0
    intercept: float = 0.0

    def logit(self, score: float) -> float:
        """Of a raw score."""
        return self.slope * score + self.intercept

    def probability(self, score: float) -> float:
        """Of a raw score."""
        return sigmoid(self.logit(score))


class Gate(Struct, frozen=True, kw_only=True):
    """A condition of promotion and how the model did by it."""

    name: str
    passed: bool
    detail: str = ""
    """The figure and its bound, in words."""


class Manifest(Struct, frozen=True, kw_only=True):
    """Of one version of a model: the probability that a candidate of a strategy ends with a positive net return.

    Times are ns. The version is derived from these fields and the files' hashes, so nothing of it can change.

    Raises:
        ValueError: fields that contradict one another.
    """

    format: Literal[1] = 1
    model: Annotated[str, Meta(pattern=MODEL_NAME)]
    kind: Kind
    strategy: str
    strategy_version: str
    segment: str
    members: list[str] = []
    """Symbols (as ``BTC/USDT:USDT``) or instruments of the segment; empty: all that no other model is for."""
    timeframes: Annotated[list[Timeframe], Meta(min_length=1)]
    schema_hash: str
    """Of the vector's catalogue."""
    context_hash: str
    """Of the context's."""
    inputs: Annotated[list[str], Meta(min_length=1)]
    """Names of the row's values in order: features of vector and context, and those of `models.rows.CANDIDATE`."""
    train_start: int
    train_end: int
    """No label of the training reaches beyond it."""
    outcomes: Annotated[int, Meta(ge=0)]
    """Labels it was trained on."""
    wins: Annotated[int, Meta(ge=0)] = 0
    """Those with a positive net return."""
    figures: dict[str, float | None] = {}
    """Walk-forward, out of sample."""
    gates: list[Gate] = []
    calibration: Calibration | None = None
    """``None``: the sigmoid of the raw score, which is then not called calibrated."""
    golden: Annotated[list[Golden], Meta(min_length=1)]
    histograms: dict[str, Histogram] = {}
    """By input."""
    drift: dict[str, dict[str, float]] = {}
    """By input, then measure: the threshold that a stationary market exceeds as seldom as the alert budget allows."""
    seed: int = 0
    libraries: dict[str, str] = {}
    """Those that made it, with their versions."""
    files: dict[str, _Hash] = {}
    """SHA-256 of each; filled by the registry."""

    def __post_init__(self) -> None:
        if len(set(self.inputs)) != len(self.inputs):
            raise ValueError("an input is named twice")
        strangers = sorted({*self.histograms, *self.drift} - set(self.inputs))
        if strangers:
            raise ValueError(f"histograms and drift are of inputs, and {strangers[0]} is none")
        if any(len(golden.inputs) != len(self.inputs) for golden in self.golden):
            raise ValueError(f"a golden vector has to have {len(self.inputs)} inputs")
        if any(not isfinite(value) for golden in self.golden for value in golden.inputs if value is not None):
            raise ValueError("a golden vector holds a value that is not finite")
        if self.train_start > self.train_end:
            raise ValueError("the training ends before it begins")

    def probability(self, score: float) -> float:
        """Of a raw score."""
        return (self.calibration or Calibration()).probability(score)


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit)), without overflow.

    >>> sigmoid(-1000.0), sigmoid(0.0), sigmoid(1000.0)
    (0.0, 0.5, 1.0)
    """
    if logit >= 0:
        return 1.0 / (1.0 + exp(-logit))
    odds = exp(logit)
    return odds / (1.0 + odds)


def encode(manifest: Manifest) -> bytes:
    """The bytes of ``manifest.json``: equal manifests give equal bytes."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def decode(data: bytes) -> Manifest:
    """The manifest in ``data``.

    Raises:
        ModelRefused: it is none; names the field.
    """
    try:
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelRefused(f"manifest.json: {error}") from error


def version_of(data: bytes) -> str:
    """The version that ``manifest.json`` with these bytes is of."""
    return sha256(data).hexdigest()[:16]
