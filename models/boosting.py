"""LightGBM: trained with early stopping, and written as ONNX that says the same to every row."""

from collections.abc import Iterator
from importlib import import_module
from math import isfinite
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from models.config import Boosting
from models.onnx_files import onnx_model
from models.sample import Sample

__all__ = ["Trees", "fit_trees", "float32_at_most"]


class Trees(Struct, frozen=True):
    """A booster as LightGBM writes it."""

    inputs: list[str]
    text: str

    def logits(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Of rows, by LightGBM itself."""
        return np.asarray(self._booster().predict(x, raw_score=True, num_threads=1), dtype=np.float64)

    def importance(self) -> dict[str, float]:
        """Each input's share of what the splits gained."""
        gains = np.asarray(self._booster().feature_importance("gain"), dtype=np.float64)
        whole = gains.sum()
        return dict(zip(self.inputs, (gains / whole if whole else gains).tolist(), strict=True))

    def onnx(self) -> bytes:
        """The same trees as one TreeEnsembleRegressor."""
        trees = self._booster().dump_model()["tree_info"]
        columns: dict[str, list[Any]] = {name: [] for name in _NODE}
        leaves: dict[str, list[Any]] = {"treeids": [], "nodeids": [], "ids": [], "weights": []}
        for number, tree in enumerate(trees):
            for node in _nodes(tree["tree_structure"]):
                for name, value in node.items():
                    if name in columns:
                        columns[name].append(value)
                columns["treeids"].append(number)
                if node["modes"] == "LEAF":
                    for name, value in (("treeids", number), ("nodeids", node["nodeids"]), ("ids", 0)):
                        leaves[name].append(value)
                    leaves["weights"].append(node["leaf"])
        attributes = {f"nodes_{name}": values for name, values in columns.items()}
        attributes |= {f"target_{name}": values for name, values in leaves.items()}
        helper: Any = import_module("onnx.helper")
        node = helper.make_node(
            "TreeEnsembleRegressor", ["input"], ["logit"], domain="ai.onnx.ml", n_targets=1,
            aggregate_function="SUM", post_transform="NONE", **attributes,
        )  # fmt: skip
        return onnx_model([node], [], len(self.inputs))

    def _booster(self) -> Any:
        lightgbm: Any = import_module("lightgbm")
        return lightgbm.Booster(model_str=self.text)


_NODE = (
    "treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids", "missing_value_tracks_true",
)  # fmt: skip


def fit_trees(fit: Sample, stop: Sample, config: Boosting, seed: int) -> Trees:
    """As many trees as are best on ``stop``, grown on both; equal rows and seed give an equal text."""
    lightgbm: Any = import_module("lightgbm")
    parameters = {
        "objective": "binary", "learning_rate": config.learning_rate, "num_leaves": config.leaves,
        "min_data_in_leaf": config.least_rows, "feature_fraction": config.feature_fraction,
        "bagging_fraction": config.bagging_fraction, "bagging_freq": 1, "lambda_l2": config.l2,
        "monotone_constraints": [config.monotone.get(name, 0) for name in fit.inputs], "max_bin": 63,
        "seed": seed, "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1,
    }  # fmt: skip
    names = [f"f{at}" for at in range(len(fit.inputs))]  # LightGBM allows no JSON characters in names
    train = lightgbm.Dataset(fit.x, fit.win, weight=fit.weights(), feature_name=names, free_raw_data=False)
    held = lightgbm.Dataset(stop.x, stop.win, weight=stop.weights(), reference=train, free_raw_data=False)
    booster = lightgbm.train(
        parameters, train, config.rounds, valid_sets=[held],
        callbacks=[lightgbm.early_stopping(config.patience, verbose=False)],
    )  # fmt: skip
    whole = fit.followed_by(stop)
    every = lightgbm.Dataset(whole.x, whole.win, weight=whole.weights(), feature_name=names)
    booster = lightgbm.train(parameters, every, max(booster.best_iteration, 1))
    return Trees(fit.inputs, booster.model_to_string())


def float32_at_most(value: float) -> float:
    """The largest float32 that is not above ``value``: for float32 ``x``, ``x <= value`` is ``x <= that``.

    >>> float32_at_most(0.1) <= 0.1 < float(np.nextafter(np.float32(0.1), np.float32(1)))
    True
    """
    highest = float(np.finfo(np.float32).max)
    near = np.float32(min(max(value, -highest), highest))
    return float(near) if float(near) <= value else float(np.nextafter(near, np.float32(-np.inf)))


def _nodes(root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A tree's nodes as ONNX has them, numbered as they come."""
    order: list[dict[str, Any]] = [root]
    for number, node in enumerate(order):  # it grows on the way
        if "split_feature" not in node:
            yield _leaf(number, float(node["leaf_value"]))
            continue
        order += [node["left_child"], node["right_child"]]
        threshold = float(node["threshold"])
        if node["decision_type"] != "<=" or not isfinite(threshold) or node["missing_type"] == "Zero":
            raise AssertionError(f"no such split is asked of LightGBM: {node['decision_type']} {threshold}")
        # Who has no value goes where LightGBM learned to send such rows; where it saw none it takes them for 0.
        missing = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0.0
        yield {
            "nodeids": number, "featureids": node["split_feature"], "values": float32_at_most(threshold),
            "modes": "BRANCH_LEQ", "truenodeids": len(order) - 2, "falsenodeids": len(order) - 1,
            "missing_value_tracks_true": int(missing),
        }  # fmt: skip


def _leaf(number: int, value: float) -> dict[str, Any]:
    return {
        "nodeids": number, "featureids": 0, "values": 0.0, "modes": "LEAF", "truenodeids": 0, "falsenodeids": 0,
        "missing_value_tracks_true": 0, "leaf": value,
    }  # fmt: skip
