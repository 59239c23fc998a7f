"""Contributions: LightGBM's own, and the definition over all subsets, are the oracles."""

import re
from itertools import combinations
from math import factorial
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.errors import ModelRefused
from models.treeshap import TreeShap
from tests.models.trees import trained


def boosted(seed: int, *, width: int = 8, missing: float = 0.1, trees: int = 20, **options: Any) -> lightgbm.Booster:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(1_500, width)).astype(np.float32)
    rows[:, 1] = np.round(rows[:, 1])  # zeros among them
    wins = (rows[:, 0] * rows[:, 1] + rows[:, 2] + random.normal(size=len(rows)) > 0).astype(int)
    rows[random.random(rows.shape) < missing] = np.nan
    told = {"objective": "binary", "num_leaves": 31, "verbose": -1, "seed": seed, "num_threads": 1, **options}
    return lightgbm.train(told, lightgbm.Dataset(rows, wins), trees)


def some_rows(seed: int, width: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(40, width)).astype(np.float32)
    rows[random.random(rows.shape) < 0.2] = np.nan
    rows[random.random(rows.shape) < 0.1] = 0.0
    return rows


@pytest.mark.parametrize(
    ("missing", "options"),
    [(0.1, {}), (0.0, {}), (0.1, {"zero_as_missing": True}), (0.1, {"max_depth": 2}), (0.1, {"num_leaves": 120})],
)
def test_equal_to_lightgbm(missing: float, options: dict[str, Any]) -> None:
    booster = boosted(5, missing=missing, **options)
    shap = TreeShap(booster.model_to_string(), 8)
    rows = some_rows(6, 8)
    expected: Any = booster.predict(rows, pred_contrib=True)
    scores: Any = booster.predict(rows, raw_score=True)
    for row, contributions, score in zip(rows, expected, scores, strict=True):
        found = shap.values(row)
        assert found == pytest.approx(contributions[:-1], abs=1e-9)
        assert shap.base == pytest.approx(contributions[-1], abs=1e-9)
        assert shap.base + found.sum() == pytest.approx(score, abs=1e-9)


def test_equal_to_the_definition() -> None:
    """Every order in which features could become known, by a walk of the tree for each subset."""
    width = 4
    booster = boosted(7, width=width, trees=1, num_leaves=9)
    (tree,) = (info["tree_structure"] for info in booster.dump_model()["tree_info"])
    row = some_rows(8, width)[0]
    shap = TreeShap(booster.model_to_string(), width).values(row)

    def worth(known: frozenset[int], node: dict[str, Any]) -> float:
        if "leaf_value" in node:
            return float(node["leaf_value"])
        left, right = node["left_child"], node["right_child"]
        if node["split_feature"] in known:
            x = row[node["split_feature"]]
            goes_left = node["default_left"] if np.isnan(x) else x <= node["threshold"]
            return worth(known, left if goes_left else right)
        rows = [child.get("internal_count", child.get("leaf_count")) for child in (left, right)]
        total = sum(count * worth(known, child) for count, child in zip(rows, (left, right), strict=True))
        return float(total / sum(rows))

    for feature in range(width):
        others = [other for other in range(width) if other != feature]
        expected = sum(
            factorial(size) * factorial(width - size - 1) / factorial(width)
            * (worth(frozenset((*subset, feature)), tree) - worth(frozenset(subset), tree))
            for size in range(width)
            for subset in combinations(others, size)
        )  # fmt: skip
        assert shap[feature] == pytest.approx(expected, abs=1e-9)


def test_trees_that_never_split_say_nothing() -> None:
    random = np.random.default_rng(1)
    data = lightgbm.Dataset(random.normal(size=(50, 3)), random.integers(0, 2, 50))
    booster = lightgbm.train({"objective": "binary", "min_data_in_leaf": 100, "verbose": -1}, data, 3)
    shap = TreeShap(booster.model_to_string(), 3)
    assert shap.values(np.zeros(3, np.float32)).tolist() == [0.0] * 3
    score: Any = booster.predict(np.zeros((1, 3)), raw_score=True)
    assert shap.base == pytest.approx(score[0])


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "no boosted trees"), ("tree\nTree=0\nnum_leaves=2\n", "no model of LightGBM: 'leaf_value'")],
)
def test_another_text_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ModelRefused, match=reason):
        TreeShap(text, 3)


def test_an_input_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModelRefused, match="beyond the 2 there are"):
        TreeShap(trained().booster.model_to_string(), 2)


@settings(max_examples=100, deadline=None)
@given(
    field=st.sampled_from(
        [
            "num_leaves", "split_feature", "decision_type", "left_child", "right_child", "threshold", "leaf_value",
            "leaf_count", "internal_count", "is_linear",
        ]
    ),
    tree=st.integers(0, 11),
    place=st.integers(0, 6),
    value=st.sampled_from(["0", "1", "7", "-1", "-7", "-99", "99", "9" * 30, "1e300", "1e999", "nan", "x", ""]),
)  # fmt: skip
def test_a_number_that_was_changed_is_refused_or_explained(field: str, tree: int, place: int, value: str) -> None:
    made = trained()
    *before, text = re.split(r"(?=^Tree=)", made.files["model.txt"].decode(), maxsplit=tree + 1, flags=re.MULTILINE)
    numbers = re.search(rf"^{field}=(.*)$", text, re.MULTILINE)
    assert numbers is not None
    told = numbers[1].split()
    told[place : place + 1] = [value]
    text = f"{text[: numbers.start(1)]}{' '.join(told)}{text[numbers.end(1) :]}"
    try:
        shap = TreeShap("".join([*before, text]), 5)
    except ModelRefused:
        return
    for row in made.rows[:20]:
        assert np.isfinite(shap.base + shap.values(row)).all()


def test_what_takes_too_long_to_explain_is_refused() -> None:
    """A tree that is one long branch."""
    inner = range(1_500)
    lists: dict[str, list[Any]] = {
        "split_feature": [0 for _ in inner], "decision_type": [2 for _ in inner], "threshold": [0.0 for _ in inner],
        "left_child": [*inner[1:], -1], "right_child": [-2 - node for node in inner],
        "internal_count": [1_501 - node for node in inner], "leaf_value": [0.0, *map(float, inner)],
        "leaf_count": [1, *[1 for _ in inner]],
    }  # fmt: skip
    told = "\n".join(f"{name}={' '.join(map(str, values))}" for name, values in lists.items())
    with pytest.raises(ModelRefused, match="more than 1048576 steps to its leaves"):
        TreeShap(f"tree\nTree=0\nnum_leaves=1501\n{told}\n", 1)
