"""What is taken in stays as it is, and whatever is not as it was is refused with its reason."""

import pickle
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import onnx
import pytest
from msgspec.structs import replace
from onnx import TensorProto, helper

from models.errors import ModelRefused, RegistryError
from models.manifest import decode, encode, version_of
from models.registry import Catalogue, Registry
from tests.models.catalogue import CATALOGUE
from tests.models.trees import trained


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def registry(place: Path) -> Registry:
    return Registry(place)


@pytest.fixture
def version(registry: Registry) -> str:
    made = trained()
    return registry.add(made.manifest, made.files, CATALOGUE)


def test_what_was_added_gives_lightgbm_s_probabilities(registry: Registry, version: str) -> None:
    made = trained()
    model = registry.load("majors", version, CATALOGUE)
    scores = np.asarray(made.booster.predict(made.rows, raw_score=True), float)
    for row, score in zip(made.rows, scores, strict=True):
        assert abs(model.scorer.logit(row) - score) < 1e-6
        logit, base, parts = model.explain(row)
        assert abs(base + sum(parts.values()) - logit) < 1e-9
        assert set(parts) <= set(model.manifest.inputs)
        assert abs(model.probability(row) - model.manifest.calibration.probability(score)) < 1e-6


def test_a_registry_that_is_a_file_is_not_taken_for_an_empty_one(registry: Registry, place: Path) -> None:
    assert registry.models() == []
    place.write_text("")
    with pytest.raises(RegistryError, match=r"^models.dir: .*registry: Not a directory$"):
        registry.models()


def test_text_of_another_model_is_told(registry: Registry) -> None:
    made, other = trained(), trained(2)
    with pytest.raises(ModelRefused, match=r"model\.txt is not model\.onnx: of golden vector 0 it makes"):
        registry.add(made.manifest, made.files | {"model.txt": other.files["model.txt"]}, CATALOGUE)


def test_the_same_again_is_the_same_version(registry: Registry, version: str) -> None:
    made, other = trained(), trained(2)
    assert registry.add(made.manifest, made.files, CATALOGUE) == version
    later = registry.add(replace(other.manifest, train_end=3 * 10**18), other.files, CATALOGUE)
    assert (registry.models(), registry.versions("majors")) == (["majors"], [version, later])
    assert registry.versions("minors") == []


def _refusal(registry: Registry, version: str, catalogue: Catalogue = CATALOGUE) -> str:
    with pytest.raises(ModelRefused) as caught:
        registry.load("majors", version, catalogue)
    return str(caught.value)


@pytest.mark.parametrize("name", ["model.onnx", "model.txt", "manifest.json"])
def test_a_changed_byte_is_told(registry: Registry, place: Path, version: str, name: str) -> None:
    path = place / "majors" / version / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert f"{name} " in _refusal(registry, version)
    assert "was changed: it" in _refusal(registry, version)


def test_files_that_lack_or_do_not_belong_are_told(registry: Registry, place: Path, version: str) -> None:
    folder = place / "majors" / version
    (folder / "more.pkl").write_bytes(pickle.dumps({}))
    assert _refusal(registry, version).startswith("more.pkl is a pickle")
    (folder / "more.pkl").rename(folder / "more.txt")
    assert _refusal(registry, version) == "more.txt has no business in a model"
    (folder / "more.txt").unlink()
    (folder / "model.txt").rename(place / "kept")
    assert _refusal(registry, version) == "model.txt is missing"
    (folder / "model.txt").symlink_to(place / "kept")
    assert _refusal(registry, version) == f"model.txt of majors {version} is no plain file"


def test_another_catalogue_is_told(registry: Registry, version: str) -> None:
    other = Catalogue("0" * 16, CATALOGUE.context_hash, CATALOGUE.names)
    assert "features of schema ffffffffffffffff, this program's is 0000000000000000" in _refusal(
        registry, version, other
    )
    assert "trained on context" in _refusal(registry, version, Catalogue("f" * 16, "0" * 16, CATALOGUE.names))
    assert "input rsi_14 is no feature" in _refusal(registry, version, Catalogue("f" * 16, "c" * 16, frozenset()))


@pytest.mark.parametrize(("model", "version"), [("../majors", "0" * 16), ("majors", "../x"), ("majors", "0" * 16)])
def test_names_that_are_none_are_told(registry: Registry, model: str, version: str) -> None:
    with pytest.raises(ModelRefused, match=r"no such name|has no version"):
        registry.load(model, version, CATALOGUE)


def _external(model: Any) -> None:
    tensor = helper.make_tensor("far", TensorProto.FLOAT, [1], [1.0])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    tensor.ClearField("float_data")
    model.graph.initializer.append(tensor)


def _stranger(model: Any) -> None:
    model.graph.node.append(helper.make_node("Loop", ["a"], ["b"]))


def _foreign(model: Any) -> None:
    model.graph.node.append(helper.make_node("Add", ["a"], ["b"], domain="evil"))


def _wide(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 99


def _renamed(model: Any) -> None:
    model.graph.output[0].name = "probability"


def _then(model: Any, operator: str, constant: list[Any], **attributes: Any) -> None:
    """Something is done to the trees' word before it is told."""
    model.graph.node[0].output[0] = "raw"
    kind = TensorProto.INT64 if operator == "Reshape" else TensorProto.FLOAT
    model.graph.initializer.append(helper.make_tensor("constant", kind, [len(constant)], constant))
    inputs = ["raw", "constant"] if constant else ["raw"]
    model.graph.node.append(helper.make_node(operator, inputs, ["logit"], **attributes))


def _reshaped(model: Any) -> None:
    _then(model, "Reshape", [7, 13])


def _empty(model: Any) -> None:
    _then(model, "Reshape", [1, 0], allowzero=1)
    model.graph.node[0].input[0] = "none"
    model.graph.initializer.append(helper.make_tensor("none", TensorProto.FLOAT, [0, 5], []))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 0


def _whole(model: Any) -> None:
    _then(model, "Cast", [], to=TensorProto.INT64)
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64


def _round(model: Any) -> None:
    """ONNX Runtime would load it, and never come back from the first row that goes this way."""
    columns = {each.name: each for each in model.graph.node[0].attribute}
    modes, children = columns["nodes_modes"].strings, columns["nodes_truenodeids"].ints
    inner = [at for at, mode in enumerate(modes) if mode != b"LEAF"]
    node = next(at for at in inner[1:] if children[at] in inner)
    children[children[node]] = node


def _away(model: Any) -> None:
    columns = {each.name: each for each in model.graph.node[0].attribute}
    columns["nodes_truenodeids"].ints[0] = 99


def _torn(model: Any) -> None:
    del {each.name: each for each in model.graph.node[0].attribute}["nodes_truenodeids"].ints[-1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_external, "tensor far lies in another file"),
        (_stranger, "operator ai.onnx:Loop is not known"),
        (_foreign, "operator evil:Add is not known"),
        (_wide, "input has to be float32 of 5 columns"),
        (_renamed, "it has to take one tensor, input, and give one, logit"),
        (_reshaped, "model.onnx cannot be run: "),
        (_empty, r"gives float32 of shape \(1, 0\) for one row"),
        (_whole, r"gives int64 of shape \(1, 1\) for one row"),
        (_round, "in tree 0 node [0-9]+ is below 2 others"),
        (_torn, "its trees are not whole"),
        (_away, "model.onnx cannot be run: .* Unable to find node"),
    ],
)
def test_an_onnx_file_that_reaches_out_is_not_added(
    registry: Registry, change: Any, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    made = trained()
    model = onnx.load_model_from_string(made.files["model.onnx"])
    change(model)
    with pytest.raises(ModelRefused, match=reason):
        registry.add(made.manifest, made.files | {"model.onnx": model.SerializeToString()}, CATALOGUE)
    assert registry.models() == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (r"left_child=\S+", "left_child=99"), (r"left_child=\S+", "left_child=-99"),
        (r"left_child=\S+", "left_child=0"), (r"leaf_value=\S+ ", "leaf_value="),
        (r"leaf_count=.*", "leaf_count=0 0 0 0 0 0 0"), (r"internal_count=.*", "internal_count=0 0 0 0 0 0"),
        (r"split_feature=\S+", f"split_feature={'9' * 30}"),
    ],
)  # fmt: skip
def test_text_of_trees_that_are_none_is_not_added(registry: Registry, before: str, after: str) -> None:
    made = trained()
    text, count = re.subn(before.encode(), after.encode(), made.files["model.txt"], count=1)
    assert count == 1
    with pytest.raises(ModelRefused, match=r"^model\.txt is no model of LightGBM: "):
        registry.add(made.manifest, made.files | {"model.txt": text}, CATALOGUE)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(pickle.dumps([1]), "is a pickle"), (b"no model", "is no ONNX model"), (b"", "it has to take one tensor")],
)
def test_what_is_no_onnx_file_is_not_added(registry: Registry, content: bytes, reason: str) -> None:
    made = trained()
    with pytest.raises(ModelRefused, match=reason):
        registry.add(made.manifest, made.files | {"model.onnx": content}, CATALOGUE)


def test_wrong_golden_vectors_are_told(registry: Registry) -> None:
    made = trained()
    golden = [*made.manifest.golden[1:], replace(made.manifest.golden[0], probability=0.5)]
    with pytest.raises(ModelRefused, match=r"golden vector 4 gives 0\.\d{9}, not 0\.500000000"):
        registry.add(replace(made.manifest, golden=golden), made.files, CATALOGUE)


_SEEN: Final = {"edges": [1.0], "counts": [1, 1], "missing": 0}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"inputs": ["tfi", "tfi"]}, "an input is named twice"),
        ({"inputs": ["tfi"]}, "a golden vector has to have 1 inputs"),
        ({"model": "../up"}, "matching regex"),
        ({"reference": {"x": {"edges": [], "counts": [1], "missing": 0}}}, "x is none"),
        ({"reference": {"tfi": {"edges": [1.0], "counts": [1], "missing": 0}}}, "reference of tfi: rising edges"),
        ({"reference": {"tfi": {"edges": [1.0], "counts": [0, 0], "missing": 0}}}, "reference of tfi: nothing was"),
        ({"reference": {"tfi": {"edges": [1.0], "counts": [-7, 9], "missing": 0}}}, "int` >= 0"),
        ({"scores": {"edges": [0.1, 0.2], "counts": [5], "missing": 0}}, "scores: rising edges"),
        ({"closes": {"5m": {"window": 9, "reference": {"score": _SEEN}, "drift": {}}}}, "score is a candidate's"),
        ({"closes": {"5m": {"window": 0, "reference": {}, "drift": {}}}}, "int` >= 1"),
        ({"closes": {"7m": {"window": 9, "reference": {}, "drift": {}}}}, "Invalid enum value '7m'"),
        ({"closes": {"5m": {"window": 9, "reference": {"tfi": _SEEN | {"counts": [2]}}, "drift": {}}}}, "5m, tfi: ris"),
        ({"calibration": {"slope": 0.0, "intercept": 0.0}}, "calibration: slope 0 is not above 0"),
        ({"calibration": {"slope": 1.0, "intercept": 1e300}}, "calibration: slope 1 .* one of both beyond"),
        ({"golden": [{"inputs": [1e300, None, 0, 0, 0], "logit": 0, "probability": 0.5}]}, "that is no float32"),
        ({"figures": {"to": 1.0}}, "figures: to is told elsewhere"),
        ({"train_end": 10**30}, "train_end"),
        ({"seed": 10**30}, "seed"),
        ({"importance": {"x": [1.0]}}, "x is none"),
        ({"train_end": 1}, "the training ends before it begins"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(change: dict[str, Any], reason: str) -> None:
    told = msgspec.to_builtins(trained().manifest) | change
    with pytest.raises(ModelRefused, match=reason):
        decode(msgspec.json.encode(told))


def test_one_written_before_there_were_curve_and_importance_is_read() -> None:
    told = msgspec.to_builtins(trained().manifest)
    del told["curve"], told["importance"]
    assert decode(msgspec.json.encode(told)) == trained().manifest


def test_equal_manifests_are_equal_bytes() -> None:
    manifest = trained().manifest
    assert version_of(encode(manifest)) == version_of(encode(replace(manifest)))
    assert version_of(encode(replace(manifest, seed=9))) != version_of(encode(manifest))


_DYING: Final = """
import os, signal, sys
from pathlib import Path
from models.registry import Registry
from tests.models.catalogue import CATALOGUE

source, target, version, nth = sys.argv[1:]
model = Registry(Path(source)).load("majors", version, CATALOGUE)
sync, left = os.fsync, int(nth)

def dying(handle):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    sync(handle)

os.fsync = dying
Registry(Path(target)).add(model.manifest, model.files, CATALOGUE)
"""


@pytest.mark.parametrize("nth", [1, 3, 4])
def test_an_add_that_dies_leaves_nothing_half_registered(
    registry: Registry, place: Path, version: str, tmp_path: Path, nth: int
) -> None:
    target = tmp_path / "other"
    other = Registry(target)
    command: list[str | Path] = [sys.executable, "-c", _DYING, place, target, version, str(nth)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert other.models() == []
    assert list(target.glob(".adding-*")) != []
    model = registry.load("majors", version, CATALOGUE)
    assert other.add(model.manifest, model.files, CATALOGUE) == version
    assert other.load("majors", version, CATALOGUE).version == version
    assert list(target.glob(".adding-*")) == []
