"""The markets without an edge have none, the one with an edge has that which is stated, and leaks are named."""

import numpy as np
import pytest

from benchmarks.honest.markets import NULLS, REAL_BARS, edge_and_oracle
from benchmarks.honest.trials import leaks
from models.metrics import auc, information_coefficient


@pytest.mark.parametrize("name", NULLS)
def test_no_input_of_a_market_without_an_edge_tells_of_the_direction(name: str) -> None:
    if name.endswith("real bars") and not REAL_BARS.is_dir():
        pytest.skip(f"no recordings in {REAL_BARS}")
    sample = NULLS[name](6_000, 3)
    assert len(sample) == 6_000
    assert (np.diff(sample.decided) >= 0).all()
    assert (sample.ends > sample.decided).all()
    assert -40e-4 < sample.net.mean() < 0  # costs, and nothing else
    signed = sample.net * sample.x[:, sample.inputs.index("direction")]
    for at, _ in enumerate(sample.inputs[:-2]):
        assert abs(information_coefficient(sample.x[:, at].astype(float), signed)) < 0.15


def test_the_edge_is_that_which_is_stated() -> None:
    sample, p = edge_and_oracle(60_000, 4)
    assert auc(p, sample.win) == pytest.approx(0.60, abs=0.01)
    assert sample.net.mean() < 0
    assert sample.net[p > 62 / 120].mean() > 5e-4


def test_every_planted_leak_is_named_and_none_that_was_not_planted() -> None:
    found = leaks(5)
    assert len(found) == 4
    assert all(found.values()), found
