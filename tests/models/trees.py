"""A small LightGBM model of known figures, and the ONNX of its trees."""

from functools import cache
from typing import Any, Final, NamedTuple

import lightgbm
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.manifest import Manifest
from models.registry import Catalogue
from models.trained import Calibration, Golden
from tests.models.catalogue import CATALOGUE, INPUTS

_COLUMNS: Final = """
    nodes_treeids nodes_nodeids nodes_featureids nodes_values nodes_modes nodes_truenodeids nodes_falsenodeids
    nodes_missing_value_tracks_true target_treeids target_nodeids target_ids target_weights"""


class Trained(NamedTuple):
    booster: lightgbm.Booster
    rows: NDArray[np.float32]
    files: dict[str, bytes]
    manifest: Manifest


@cache
def trained(seed: int = 1, trees: int = 12, slope: float = 1.1, catalogue: Catalogue = CATALOGUE) -> Trained:
    """Trees on rows with a tenth of their values missing."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(600, len(INPUTS))).astype(np.float32)
    wins = (rows[:, 0] + rows[:, 1] * rows[:, 3] + random.normal(size=600) > 0).astype(int)
    rows[random.random(rows.shape) < 0.1] = np.nan
    options = {
        "objective": "binary", "num_leaves": 7, "verbose": -1, "seed": seed, "num_threads": 1, "deterministic": True,
    }  # fmt: skip
    booster = lightgbm.train(options, lightgbm.Dataset(rows, wins), trees)
    calibration = Calibration(slope=slope, intercept=0.05)
    scores = np.asarray(booster.predict(rows[:5], raw_score=True), float)
    golden = [
        Golden(
            inputs=[None if np.isnan(x) else float(x) for x in row],
            logit=score,
            probability=calibration.probability(score),
        )
        for row, score in zip(rows[:5], scores.tolist(), strict=True)
    ]
    manifest = Manifest(
        model="majors", kind="lightgbm-onnx", strategy="confluence", strategy_version="1", segment="majors",
        schema_hash=catalogue.schema_hash, context_hash=catalogue.context_hash,
        inputs=INPUTS, train_start=10**18, train_end=2 * 10**18, outcomes=600,
        calibration=calibration, golden=golden,
        seed=seed,
    )  # fmt: skip
    files = {"model.onnx": to_onnx(booster).SerializeToString(), "model.txt": booster.model_to_string().encode()}
    return Trained(booster, rows, files, manifest)


def breaking(at: float) -> bytes:
    """The trees' file with 0 divided by 0 where rsi_14 is just ``at``."""
    make: Any = helper.make_node
    model = onnx.load_model_from_string(trained().files["model.onnx"])
    model.graph.node[0].output[0] = "raw"
    for name, values, shape in (("none", [0.0], [1]), ("which", [1.0, 0, 0, 0, 0], [5, 1]), ("at", [at], [1])):
        model.graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, shape, values))
    for operator, inputs, output in (
        ("IsNaN", ["input"], "unknown"), ("Where", ["unknown", "none", "input"], "known"),
        ("MatMul", ["known", "which"], "rsi"), ("Sub", ["rsi", "at"], "away"), ("Div", ["away", "away"], "one"),
        ("Mul", ["raw", "one"], "logit"),
    ):  # fmt: skip
        model.graph.node.append(make(operator, inputs, [output]))
    return bytes(model.SerializeToString())


def to_onnx(booster: lightgbm.Booster) -> Any:
    """The trees as one operator; thresholds go down to the next float32, which no float32 row can tell apart."""
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS.split()}
    for number, tree in enumerate(booster.dump_model()["tree_info"]):
        _add(columns, number, tree["tree_structure"], [0])
    make: Any = helper.make_node
    node = make(
        "TreeEnsembleRegressor", ["input"], ["logit"], domain="ai.onnx.ml", n_targets=1, aggregate_function="SUM",
        **columns,
    )  # fmt: skip
    width = booster.num_feature()
    graph = helper.make_graph(
        [node], "trees", [helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, [None, 1])],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    onnx.checker.check_model(model)
    return model


def _add(columns: dict[str, list[Any]], tree: int, node: dict[str, Any], count: list[int]) -> int:
    number, inner = count[0], "split_index" in node
    count[0] += 1
    threshold = np.float32(node["threshold"]) if inner else np.float32(0)
    if inner and float(threshold) > node["threshold"]:
        threshold = np.nextafter(threshold, np.float32(-np.inf))
    values = {
        "nodes_treeids": tree, "nodes_nodeids": number, "nodes_featureids": node["split_feature"] if inner else 0,
        "nodes_values": float(threshold), "nodes_modes": "BRANCH_LEQ" if inner else "LEAF",
        "nodes_missing_value_tracks_true": int(inner and node["default_left"]),
    }  # fmt: skip
    for name, value in values.items():
        columns[name].append(value)
    place = len(columns["nodes_truenodeids"])
    columns["nodes_truenodeids"].append(0)
    columns["nodes_falsenodeids"].append(0)
    if inner:
        columns["nodes_truenodeids"][place] = _add(columns, tree, node["left_child"], count)
        columns["nodes_falsenodeids"][place] = _add(columns, tree, node["right_child"], count)
    else:
        leaf = {"target_treeids": tree, "target_nodeids": number, "target_ids": 0, "target_weights": node["leaf_value"]}
        for name, value in leaf.items():
            columns[name].append(value)
    return number
