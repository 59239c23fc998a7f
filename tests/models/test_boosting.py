"""Trees in ONNX say what LightGBM says, to every row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.boosting import Trees, fit_trees, float32_at_most
from models.config import Boosting
from models.scorer import Scorer
from tests.models.samples import made_sample

QUICK = Boosting(rounds=60, least_rows=20, leaves=12)


@pytest.fixture(scope="module")
def trees() -> Trees:
    return fit_trees(made_sample(), made_sample(500, seed=2), QUICK, seed=3)


def test_every_row_has_lightgbm_s_logit_those_at_a_threshold_and_those_unknown_too(trees: Trees) -> None:
    scorer = Scorer(trees.onnx(), len(trees.inputs))
    rows = made_sample(600, seed=5, unknown=0.3).x
    splits = sorted({float(word) for line in trees.text.splitlines() if line.startswith("threshold=")
                     for word in line.removeprefix("threshold=").split()})  # fmt: skip
    edges = np.array(splits, dtype=np.float32)
    near = np.concatenate([edges, np.nextafter(edges, np.float32(-np.inf)), np.nextafter(edges, np.float32(np.inf))])
    at_edges = rows[:200].copy()
    at_edges[:, :3] = np.random.default_rng(1).choice(near, (200, 3))
    special = np.full((4, rows.shape[1]), np.nan, dtype=np.float32)
    special[1:] = np.array([0.0, 3e38, -3e38])[:, np.newaxis]
    for row, logit in zip(every := np.concatenate([rows, at_edges, special]), trees.logits(every), strict=True):
        assert scorer.logit(row) == pytest.approx(logit, abs=1e-6)


def test_equal_rows_and_seed_give_equal_bytes(trees: Trees) -> None:
    again = fit_trees(made_sample(), made_sample(500, seed=2), QUICK, seed=3)
    assert (again.text, again.onnx()) == (trees.text, trees.onnx())
    assert fit_trees(made_sample(), made_sample(500, seed=2), QUICK, seed=4).text != trees.text


def test_an_input_held_monotone_only_ever_helps(trees: Trees) -> None:
    rows = np.repeat(made_sample(50, seed=9).x, 20, axis=0)
    rows[:, 5] = np.tile(np.linspace(0.2, 0.6, 20), 50)
    assert (np.diff(trees.logits(rows).reshape(50, 20), axis=1) >= -1e-12).all()


def test_importance_names_what_tells(trees: Trees) -> None:
    found = trees.importance()
    assert sum(found.values()) == pytest.approx(1.0)
    assert max(found, key=lambda name: found[name]) in {"tell", "direction"}


@given(st.floats(-1e30, 1e30), st.floats(width=32, min_value=-(2.0**99), max_value=2.0**99))
def test_no_float32_comes_to_the_other_side_of_a_rounded_threshold(threshold: float, x: float) -> None:
    assert (x <= threshold) == (x <= float32_at_most(threshold))
