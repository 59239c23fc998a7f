"""Learning in the stream."""

import math

import numpy as np
import pytest

from models.online import LOGISTIC, TREE, Learner, online_inputs


def outcomes(count: int, seed: int = 1) -> list[tuple[dict[str, float], bool]]:
    drawn = np.random.default_rng(seed)
    found = []
    for score, tfi, obi, noise in drawn.normal(0, 3, (count, 4)).tolist():
        found.append(({"score": score, "tfi": tfi, "obi_10": obi}, tfi + noise / 3 > 0))
    return found


def test_both_learn_what_there_is_to_learn() -> None:
    learner = Learner()
    for inputs, win in outcomes(600):
        learner.learn(inputs, win=win)
    for name in (LOGISTIC, TREE):
        right = [(learner.logits(inputs)[name] > 0) is win for inputs, win in outcomes(200, 2)]
        assert sum(right) > 150


def test_terms_sum_to_the_logit() -> None:
    learner = Learner()
    for inputs, win in outcomes(100):
        learner.learn(inputs, win=win)
    for inputs, _ in outcomes(20, 3):
        base, terms = learner.terms(inputs)
        assert base + sum(terms.values()) == pytest.approx(learner.logits(inputs)[LOGISTIC], abs=1e-6)


def test_restored_anywhere_it_learns_on_to_the_bit() -> None:
    learner, again = Learner(), Learner()
    for number, (inputs, win) in enumerate(outcomes(300)):
        assert again.logits(inputs) == learner.logits(inputs)
        learner.learn(inputs, win=win)
        again.learn(inputs, win=win)
        if number % 50 == 7:
            state, again = again.state(), Learner()
            again.restore(state)
            assert again.relearnt is None


def test_another_version_learns_the_same_again_from_the_outcomes() -> None:
    learner, again = Learner(), Learner()
    for number, (inputs, win) in enumerate(outcomes(300)):
        learner.learn(inputs, win=win)
        if number > 100:
            learner.watch(0.6 + number / 1_000)
    _, _, kept = learner.state()
    again.restore(["0.0.0", b"of another library", kept])
    assert again.relearnt == 300
    assert again.state()[2] == kept
    for inputs, win in outcomes(50, 2):
        assert again.logits(inputs) == learner.logits(inputs)
        assert again.watch(1.0) == learner.watch(1.0)
        learner.learn(inputs, win=win)
        again.learn(inputs, win=win)


def test_of_very_many_outcomes_the_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.online._KEPT", 50)
    learner, again = Learner(), Learner()
    for inputs, win in outcomes(230):
        learner.learn(inputs, win=win)
    again.restore(["0.0.0", b"", learner.state()[2]])
    last = Learner()
    for inputs, win in outcomes(230)[-50:]:
        last.learn(inputs, win=win)
    assert again.state()[2] == last.state()[2]
    assert [again.logits(inputs) for inputs, _ in outcomes(20, 2)] == [
        last.logits(inputs) for inputs, _ in outcomes(20, 2)
    ]


def test_a_state_that_kept_no_outcomes_begins_anew() -> None:
    learner = Learner()
    learner.restore(["0.0.0", b""])
    assert learner.relearnt == 0
    assert learner.logits({"score": 1.0}) == {LOGISTIC: 0.0, TREE: 0.0}


def test_inputs_look_in_the_candidate_s_direction() -> None:
    names = [
        "rsi_14", "tfi", "obi_10", "obi_10_mean", "microprice_bps", "bb_percent_b", "return_1", "return_5", "return_20",
        "vwap_distance", "large_trade_imbalance", "basis_z", "funding_z", "rs_btc_20", "adx_14", "spread_bps",
        "realised_volatility_20", "bb_width", "volume_z", "trade_rate_z", "vpin",
    ]  # fmt: skip
    features = dict.fromkeys(names) | {"rsi_14": 70.0, "tfi": -0.5, "adx_14": 25.0, "bb_width": 0.1}
    told = online_inputs(features, {"bb_width": "a hole"}, direction=-1, score=0.4)
    assert told == {"score": 0.4, "rsi_14": -20.0, "tfi": 0.5, "adx_14": 25.0}
    assert all(math.isfinite(logit) for logit in Learner().logits(told).values())
