"""Versions of models that never change, each named after what is in it."""

import re
from collections.abc import Mapping
from hashlib import sha256
from math import fsum
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from models.bucket import Bucket
from models.directory import Directory
from models.errors import ModelRefused, ModelUnfit, VersionAway
from models.linear import decode_linear
from models.manifest import FILES, MODEL_NAME, VERSION_NAME, Manifest, decode, encode, version_of
from models.rows import Row, row
from models.scorer import Scorer
from models.trained import CANDIDATE_INPUTS
from models.treeshap import TreeShap

__all__ = ["Catalogue", "Explained", "Model", "Registry"]

_MANIFEST: Final = "manifest.json"
_TOLERANCE: Final = 1e-6
"""Between a golden vector's probability and the one given now: float32 sums of another processor."""
_ROUNDED: Final = 1e-4
"""Of a logit; what sums of float32 may lose against those of float64."""
_PICKLES: Final = (".pkl", ".pickle", ".joblib", ".pt", ".pth")


class Catalogue(Struct, frozen=True):
    """What the vectors and contexts of this program mean, and which names are in them."""

    schema_hash: str
    context_hash: str
    names: frozenset[str]
    question_hash: str = ""
    """Of the brackets and costs that are asked about; empty: it is not asked whether a model is for these."""


class Explainer(Protocol):
    """Whose ``values`` of a row and ``base`` sum to the model's output for it."""

    @property
    def base(self) -> float: ...
    def values(self, row: Row, /) -> NDArray[np.float64]: ...


class Explained(NamedTuple):
    """Why a probability is what it is: ``base`` and the parts sum to its logit."""

    logit: float
    base: float
    parts: dict[str, float]
    """By input; those that add nothing are left out."""


class Model(Struct, frozen=True):
    """A version that was verified, ready to be asked."""

    version: str
    manifest: Manifest
    scorer: Scorer
    explainer: Explainer
    files: Mapping[str, bytes]

    def row(
        self, features: Mapping[str, float | None], tainted: Mapping[str, str], *, direction: int, score: float
    ) -> Row:
        """See `models.rows.row`."""
        return row(self.manifest.inputs, features, tainted, direction=direction, score=score)

    def probability(self, values: Row) -> float:
        """That the candidate with these inputs ends with a positive net return."""
        return self.manifest.calibration.probability(self.scorer.logit(values))

    def explain(self, values: Row, output: float | None = None) -> Explained:
        """The same in parts: exact Shapley values of trees, terms of a linear model; what the model's sums of float32
        lose against theirs is in the base. ``output`` is the model's, where it is known already.
        """
        calibration = self.manifest.calibration
        logit = calibration.slope * (self.scorer.logit(values) if output is None else output) + calibration.intercept
        added = (calibration.slope * self.explainer.values(values)).tolist()
        parts = {name: value for name, value in zip(self.manifest.inputs, added, strict=True) if value}
        return Explained(logit, logit - fsum(parts.values()), parts)


class Storage(Protocol):
    """Where files of versions lie; what cannot be read is a `VersionAway` or `RegistryAway`, or written a
    `RegistryError`.
    """

    def models(self) -> list[str]: ...
    def versions(self, model: str, /) -> list[str]: ...
    def holds(self, model: str, version: str, /) -> bool: ...
    def files(self, model: str, version: str, /) -> set[str]: ...
    def read(self, model: str, version: str, name: str, /) -> bytes: ...
    def add(self, model: str, version: str, files: Mapping[str, bytes], /) -> None: ...


class Registry:
    """``<place>/<model>/<version>/manifest.json`` with its files beside it.

    A version is the beginning of its manifest's SHA-256, and the manifest holds those of the files: whatever is
    changed, added or lacking is told at the next load. What is added appears whole or not at all.

    Parameters:
        place: a directory, or ``s3://bucket/prefix`` (see `models.bucket`).

    Raises:
        RegistryError: what begins as ``s3://`` is no such place.
    """

    def __init__(self, place: Path | str) -> None:
        self.place = place
        self._storage: Storage = Bucket(place) if isinstance(place, str) else Directory(place)

    def models(self) -> list[str]:
        """Those that have a version, sorted."""
        named = sorted(name for name in self._storage.models() if re.match(MODEL_NAME, name))
        return [name for name in named if self.versions(name)]

    def versions(self, model: str) -> list[str]:
        """Of ``model``, those trained on the newest data last; those whose manifest cannot be used come first."""
        found = self._storage.versions(_named(model, MODEL_NAME, "model"))
        named = [version for version in found if re.match(VERSION_NAME, version)]
        return sorted(named, key=lambda version: (self._trained_to(model, version), version))

    def _trained_to(self, model: str, version: str) -> int:
        try:
            return self.manifest(model, version).train_end
        except ModelRefused:
            return 0

    def manifest(self, model: str, version: str) -> Manifest:
        """The manifest of a version, held against its name.

        Raises:
            VersionAway: there is none.
            ModelRefused: it was changed.
        """
        if not self._storage.holds(_named(model, MODEL_NAME, "model"), _named(version, VERSION_NAME, "version")):
            raise VersionAway(f"model {model} has no version {version} in the registry")
        data = self._storage.read(model, version, _MANIFEST)
        if version_of(data) != version:
            raise ModelRefused(f"manifest.json of {model} {version} was changed: it is that of {version_of(data)}")
        manifest = decode(data)
        if manifest.model != model:
            raise ModelRefused(f"manifest.json of {model} {version} is of model {manifest.model}")
        return manifest

    def add(self, manifest: Manifest, files: Mapping[str, bytes], catalogue: Catalogue) -> str:
        """Take a new version in; its name. One that is there already stays as it is.

        Raises:
            ModelRefused: `load` would refuse it; nothing of it is left.
            RegistryError: the registry cannot be written.
        """
        data = encode(replace(manifest, files={name: sha256(files[name]).hexdigest() for name in sorted(files)}))
        version = version_of(data)
        _verify(decode(data), version, files, catalogue)
        if self._storage.holds(manifest.model, version):
            self.load(manifest.model, version, catalogue)
        else:
            self._storage.add(manifest.model, version, {**files, _MANIFEST: data})
        return version

    def load(self, model: str, version: str, catalogue: Catalogue) -> Model:
        """The version, verified: bytes, catalogue, golden vectors.

        Raises:
            VersionAway, RegistryAway: not all of it is there now, so nothing can be said of it.
            ModelRefused: the reason why it must not serve.
        """
        manifest = self.manifest(model, version)
        present = self._storage.files(model, version) - {_MANIFEST}
        _known_files(present)
        files = {name: self._storage.read(model, version, name) for name in sorted(present)}
        return _verify(manifest, version, files, catalogue)


def _named(text: str, pattern: str, what: str) -> str:
    if not re.match(pattern, text):
        raise ModelRefused(f"{what} {text!r}: no such name, it has to match {pattern}")
    return text


def _known_files(present: set[str]) -> None:
    expected = set(FILES)
    for name in sorted(present - expected):
        if name.endswith(_PICKLES):
            raise ModelRefused(f"{name} is a pickle, which runs whatever code is in it: it is never loaded")
        raise ModelRefused(f"{name} has no business in a model")
    for name in sorted(expected - present):
        raise VersionAway(f"{name} is missing")


def _verify(manifest: Manifest, version: str, files: Mapping[str, bytes], catalogue: Catalogue) -> Model:
    _known_files(set(files))
    for name, content in files.items():
        if content[:1] == b"\x80":  # how every pickle since protocol 2 begins, and nothing else that is allowed
            raise ModelRefused(f"{name} is a pickle, which runs whatever code is in it: it is never loaded")
        found = sha256(content).hexdigest()
        if found != manifest.files.get(name):
            raise ModelRefused(f"{name} was changed: its SHA-256 is {found[:16]}…, not that of the manifest")
    _fits(manifest, catalogue)
    width, text = len(manifest.inputs), files["model.txt"].decode(errors="replace")
    explainer: Explainer = decode_linear(text, width) if manifest.kind == "logistic-onnx" else TreeShap(text, width)
    model = Model(version, manifest, Scorer(files["model.onnx"], width), explainer, files)
    for number, golden in enumerate(manifest.golden):
        values = np.array([np.nan if v is None else v for v in golden.inputs], np.float32)
        probability, told = model.probability(values), explainer.base + explainer.values(values).sum()
        if not abs(told - golden.logit) <= _ROUNDED * (1.0 + abs(golden.logit)):
            raise ModelRefused(f"model.txt is not model.onnx: of golden vector {number} it makes {told:.9f}")
        if not abs(probability - golden.probability) <= _TOLERANCE:
            raise ModelRefused(f"golden vector {number} gives {probability:.9f}, not {golden.probability:.9f}")
    return model


def _fits(manifest: Manifest, catalogue: Catalogue) -> None:
    """See that the inputs mean here what they meant in training."""
    for what, own, mine in (
        ("features", manifest.schema_hash, catalogue.schema_hash),
        ("context", manifest.context_hash, catalogue.context_hash),
    ):
        if own != mine:
            raise ModelUnfit(f"it was trained on {what} of schema {own}, this program's is {mine}: train it anew")
    own, mine = manifest.question_hash, catalogue.question_hash
    if own and mine and own != mine:
        raise ModelUnfit(
            f"it was trained on outcomes of {own}, those of these settings are of {mine}: other brackets or costs; "
            "train it anew, or set them as they were"
        )
    unknown = [name for name in manifest.inputs if name not in catalogue.names and name not in CANDIDATE_INPUTS]
    if unknown:
        raise ModelRefused(f"input {unknown[0]} is no feature of this program")
