"""What is written down of a model: which question it answers, from which inputs, how it was made and how it did."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from models.errors import ModelRefused
from models.rows import LARGEST
from models.trained import (
    CANDIDATE_INPUTS,
    LEAST_OUTCOMES,
    Calibration,
    Count,
    Everyday,
    Golden,
    Histogram,
    Trained,
    Window,
)
from schemas.cards import CurveBin
from schemas.time import Timeframe

__all__ = [
    "FILES", "GATES", "MODEL_NAME", "VERSION_NAME", "Gate", "Manifest", "decode", "encode", "entry_of", "version_of",
]  # fmt: skip

FILES: Final = ("model.onnx", "model.txt")
"""That a version is made of. ``model.onnx`` takes ``input`` (float32, rows by inputs) and gives ``logit`` (rows by 1),
not calibrated; ``model.txt`` is the same model to be read: LightGBM's text, or a `models.linear.Linear` as JSON."""
GATES: Final = (
    "outcomes", "no leak", "not too good", "better than the base rate", "earns after costs", "not by trying",
)  # fmt: skip
"""Names of the conditions that a version has to have been put to before it serves."""
MODEL_NAME: Final = r"^[a-z0-9][a-z0-9-]{0,63}$"
VERSION_NAME: Final = r"^[0-9a-f]{16}$"
_STEEPEST: Final = 1e12
"""Slope and intercept of a calibration, so that no logit of float32 becomes infinite by them."""
_OWN_FIELDS: Final = ("to", "outcomes")
"""What is told of a model beside its figures."""
_Time = Annotated[int, Meta(ge=0, lt=2**63 - 1)]
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
    question_hash: str = ""
    """Of the strategy's version and of the costs, by which candidates end with a profit or not (see `models.costs`);
    empty: made before it was kept, so it is not known whether what it says is what it is asked."""
    inputs: Annotated[list[str], Meta(min_length=1)]
    """Names of the row's values in order: features of vector and context, and those of `CANDIDATE_INPUTS`."""
    train_start: _Time
    train_end: _Time
    """No label of the training reaches beyond it."""
    held_back: tuple[_Time, _Time] | None = None
    """From when to when its data set has outcomes that it learned nothing of, to be judged by them."""
    outcomes: Count
    """Labels it was trained on."""
    figures: dict[str, float] = {}
    """Walk-forward, out of sample."""
    intervals: dict[str, tuple[float, float]] = {}
    """Of figures: between which values 95 % of those of redrawn stretches of time lie."""
    windows: list[Window] = []
    """Of the walk-forward, one by one."""
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
    closes: dict[Timeframe, Everyday] = {}
    """By timeframe; without it what the model sees at closes without a candidate is not watched."""
    said: dict[str, float] = {}
    """The same of what it says and what becomes of that, by measure."""
    dataset: str = ""
    """SHA-256 of its manifest."""
    seed: Count = 0
    libraries: dict[str, str] = {}
    """Those that made it, with their versions."""
    files: dict[str, _Hash] = {}
    """SHA-256 of each; filled by the registry."""

    def __post_init__(self) -> None:
        if len(set(self.inputs)) != len(self.inputs):
            raise ValueError("an input is named twice")
        everyday = {name for one in self.closes.values() for name in (*one.reference, *one.drift)}
        strangers = sorted({*self.reference, *self.drift, *self.importance, *everyday} - set(self.inputs))
        if strangers:
            raise ValueError(f"reference, drift and importance are of inputs, and {strangers[0]} is none")
        if own := sorted(everyday.intersection(CANDIDATE_INPUTS)):
            raise ValueError(f"closes: {own[0]} is a candidate's, and at most closes there is none")
        for golden in self.golden:
            _check_golden(golden, len(self.inputs))
        line = self.calibration
        if not 0 < line.slope <= _STEEPEST or not abs(line.intercept) <= _STEEPEST:
            raise ValueError(f"calibration: slope {line.slope:g} is not above 0, or one of both beyond {_STEEPEST:g}")
        for name, histogram in self._histograms():
            _check_histogram(name, histogram)
        if taken := [name for name in _OWN_FIELDS if name in self.figures]:
            raise ValueError(f"figures: {taken[0]} is told elsewhere")
        if self.train_start > self.train_end:
            raise ValueError("the training ends before it begins")

    @property
    def gates_failed(self) -> list[str]:
        """Those that it did not pass, or was never put to; who learned from fewer than `LEAST_OUTCOMES` did not pass
        the first one, whatever it says.
        """
        refused = {gate.name for gate in self.gates if not gate.passed}
        passed = {gate.name for gate in self.gates} - refused
        if self.outcomes < LEAST_OUTCOMES:
            passed.discard(GATES[0])
        return [*(name for name in GATES if name not in passed), *sorted(refused.difference(GATES))]

    def _histograms(self) -> Iterable[tuple[str, Histogram]]:
        yield from ((f"reference of {name}", one) for name, one in self.reference.items())
        for timeframe, everyday in self.closes.items():
            yield from ((f"closes of {timeframe}, {name}", one) for name, one in everyday.reference.items())
        if self.scores is not None:
            yield "scores", self.scores


def _check_golden(golden: Golden, width: int) -> None:
    if len(golden.inputs) != width:
        raise ValueError(f"a golden vector has to have {width} inputs")
    if any(not abs(value) <= LARGEST for value in golden.inputs if value is not None):
        raise ValueError("a golden vector holds a value that is no float32")


def _check_histogram(name: str, histogram: Histogram) -> None:
    edges, counts = histogram.edges, histogram.counts
    if len(counts) != len(edges) + 1 or edges != sorted(set(edges)):
        raise ValueError(f"{name}: rising edges and one more count than there are edges are needed")
    if not any(counts) and not histogram.missing:
        raise ValueError(f"{name}: nothing was counted")


def entry_of(trained: Trained, gates: Sequence[Gate] = ()) -> tuple[Manifest, dict[str, bytes]]:
    """What the registry is told of a model that was trained: its manifest, and its files."""
    manifest = Manifest(
        model=trained.model, kind=trained.kind, strategy=trained.strategy, strategy_version=trained.strategy_version,
        segment=trained.segment, instruments=trained.instruments, schema_hash=trained.schema_hash,
        context_hash=trained.context_hash, inputs=trained.inputs, train_start=trained.train_start,
        train_end=trained.train_end, outcomes=trained.outcomes, figures=trained.figures, intervals=trained.intervals,
        windows=trained.windows, gates=list(gates), calibration=trained.calibration, golden=trained.golden,
        reference=trained.reference, scores=trained.scores, curve=trained.curve, importance=trained.importance,
        dataset=trained.dataset, seed=trained.seed, libraries=trained.libraries,
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
