"""The logistic baseline: its terms are its logit, and its ONNX file says the same."""

import numpy as np
import pytest

from models.config import LinearConfig
from models.linear import decode_linear
from models.logistic import fit_terms
from models.scorer import Scorer
from tests.models.samples import made_sample


def test_the_terms_sum_to_the_logit_which_onnx_gives_too() -> None:
    sample = made_sample()
    model = fit_terms(sample, LinearConfig(c=1.0))
    scorer = Scorer(model.onnx(), len(model.inputs))
    rows = made_sample(200, seed=4, unknown=0.3).x
    rows[0], rows[1, :4] = np.nan, 1e30
    for row, beyond in ((2, np.inf), (3, -np.inf)):  # more than a float32 holds
        rows[row] = np.where(np.array(model.inputs) == "direction", rows[row], beyond)
    read = decode_linear(model.text, len(model.inputs))
    assert [read.base + read.values(row).sum() for row in rows] == pytest.approx(model.logits(rows))
    assert model.logits(rows)[0] == pytest.approx(read.base)
    for row, logit in zip(rows, model.logits(rows), strict=True):
        assert scorer.logit(row) == pytest.approx(logit, abs=1e-5)
    assert sum(model.importance().values()) == pytest.approx(1.0)


def test_an_input_that_is_never_known_or_never_changes_adds_nothing() -> None:
    sample = made_sample()
    sample.x[:, 0], sample.x[:, 3] = np.nan, 2.0
    model = fit_terms(sample, LinearConfig())
    assert np.abs(model.linear.values(sample.x)[:, [0, 3]]).max() < 1e-6
