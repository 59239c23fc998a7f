"""What is written down of a model: which question it answers, from which inputs, how it was made and how it did."""

from collections.abc import Sequence
from hashlib import sha256
from math import isfinite
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from models.errors import ModelRefused
from models.trained import Calibration, Everyday, Golden, Histogram, Trained
from schemas.cards import CurveBin

__all__ = [
    "FILES", "MODEL_NAME", "VERSION_NAME", "Gate", "Manifest", "decode", "encode", "entry_of", "version_of",
]  # fmt: skip

FILES: Final = ("model.onnx", "model.txt")
"""That a version is made of. ``model.onnx`` takes ``input`` (float32, rows by inputs) and gives ``logit`` (rows by 1),
not calibrated; ``model.txt`` is the same model to be read: LightGBM's text, or a `models.linear.Linear` as JSON."""
MODEL_NAME: Final = r"^[a-z0-9][a-z0-9-]{0,63}$"
VERSION_NAME: Final = r"^[0-9a-f]{16}$"
_Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


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
    kind: Literal["lightgbm-onnx", "logistic-onnx"]
    strategy: str
    strategy_version: str
    segment: str
    instruments: list[str] = []
    """Symbols (as ``BTC/USDT:USDT``) or instruments of the segment; empty: all that no other model is for."""
    schema_hash: str
    """Of the vector's catalogue."""
    context_hash: str
    """Of the context's."""
    inputs: Annotated[list[str], Meta(min_length=1)]
    """Names of the row's values in order: features of vector and context, and those of `CANDIDATE_INPUTS`."""
    train_start: int
    train_end: int
    """No label of the training reaches beyond it."""
    held_back: tuple[int, int] | None = None
    """From when to when its data set has outcomes that it learned nothing of, to be judged by them."""
    outcomes: Annotated[int, Meta(ge=0)]
    """Labels it was trained on."""
    figures: dict[str, float] = {}
    """Walk-forward, out of sample."""
    gates: list[Gate] = []
    calibration: Calibration
    golden: Annotated[list[Golden], Meta(min_length=1)]
    reference: dict[str, Histogram] = {}
    """By input, how it was distributed in training."""
    scores: Histogram | None = None
    """Of the calibrated probabilities out of sample."""
    curve: list[CurveBin] = []
    """Those probabilities against the outcomes."""
    importance: dict[str, list[float]] = {}
    """By input, its share in each window of the walk-forward."""
    drift: dict[str, dict[str, float]] = {}
    """By input, then measure: the threshold that a stationary market exceeds as seldom as the alert budget allows."""
    closes: dict[str, Everyday] = {}
    """By timeframe; without it what the model sees at closes without a candidate is not watched."""
    dataset: str = ""
    """SHA-256 of its manifest."""
    seed: int = 0
    libraries: dict[str, str] = {}
    """Those that made it, with their versions."""
    files: dict[str, _Hash] = {}
    """SHA-256 of each; filled by the registry."""

    def __post_init__(self) -> None:
        if len(set(self.inputs)) != len(self.inputs):
            raise ValueError("an input is named twice")
        everyday = [name for one in self.closes.values() for name in (*one.reference, *one.drift)]
        strangers = sorted({*self.reference, *self.drift, *self.importance, *everyday} - set(self.inputs))
        if strangers:
            raise ValueError(f"reference, drift and importance are of inputs, and {strangers[0]} is none")
        if any(len(golden.inputs) != len(self.inputs) for golden in self.golden):
            raise ValueError(f"a golden vector has to have {len(self.inputs)} inputs")
        if any(not isfinite(value) for golden in self.golden for value in golden.inputs if value is not None):
            raise ValueError("a golden vector holds a value that is not finite")
        histograms = [(name, one) for each in self.closes.values() for name, one in each.reference.items()]
        for name, histogram in (*self.reference.items(), *histograms):
            if len(histogram.counts) != len(histogram.edges) + 1 or histogram.edges != sorted(set(histogram.edges)):
                raise ValueError(
                    f"reference of {name}: rising edges and one more count than there are edges are needed"
                )
        if self.train_start > self.train_end:
            raise ValueError("the training ends before it begins")


def entry_of(trained: Trained, gates: Sequence[Gate] = ()) -> tuple[Manifest, dict[str, bytes]]:
    """What the registry is told of a model that was trained: its manifest, and its files."""
    manifest = Manifest(
        model=trained.model, kind=trained.kind, strategy=trained.strategy, strategy_version=trained.strategy_version,
        segment=trained.segment, instruments=trained.instruments, schema_hash=trained.schema_hash,
        context_hash=trained.context_hash, inputs=trained.inputs, train_start=trained.train_start,
        train_end=trained.train_end, outcomes=trained.outcomes, figures=trained.figures, gates=list(gates),
        calibration=trained.calibration, golden=trained.golden, reference=trained.reference, scores=trained.scores,
        curve=trained.curve, importance=trained.importance, dataset=trained.dataset, seed=trained.seed,
        libraries=trained.libraries,
    )  # fmt: skip
    return manifest, {"model.onnx": trained.onnx, "model.txt": trained.text.encode()}


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
