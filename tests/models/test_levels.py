"""The score of predicted levels on markets of which the answer is known."""

from math import erf, isnan, nan, sqrt

import numpy as np
import pytest

from models.levels import BASELINES, CONCLUSIVE, Forced, Sample, Score, scores

STEP = 300 * 10**9
HORIZON = 24


def walk(seed: int, length: int) -> np.ndarray:
    """Closes of a driftless random walk."""
    return 100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0, 1e-3, length)))


def samples(closes: np.ndarray, above: np.ndarray, below: np.ndarray) -> list[Sample]:
    """Of bars as wide as their move."""
    before = np.concatenate([closes[:1], closes[:-1]])
    return [
        Sample(number * STEP, min(a, b), max(a, b), b, up, down)
        for number, (a, b, up, down) in enumerate(
            zip(before.tolist(), closes.tolist(), above.tolist(), below.tolist(), strict=True)
        )
    ]


def by_baseline(found: list[Score], measure: str) -> dict[str, Score]:
    return {score.baseline: score for score in found if score.measure == measure}


def test_levels_without_information_are_no_better_than_any_other() -> None:
    chance = np.random.default_rng(3)
    closes = walk(2, 12_000)
    found = scores(samples(closes, *chance.uniform(0.001, 0.01, (2, len(closes)))), HORIZON)
    passage = by_baseline(found, "first passage")
    assert passage.keys() == {*BASELINES}
    for score in passage.values():
        assert score.episodes > 450
        assert score.verdict == "no difference"
        assert score.low < score.ours - score.theirs < score.high
        assert -0.1 < score.ours < 0.02  # a walk in steps is a little less likely to get there than a continuous one
    assert all(score.episodes == 0 and isnan(score.ours) for score in by_baseline(found, "liquidated inside").values())


def test_levels_that_are_the_extremes_to_come_are_better_than_any() -> None:
    closes = walk(4, 12_000)
    ahead = np.array([np.log(closes[at + 1 : at + 1 + HORIZON] / closes[at]) for at in range(len(closes) - HORIZON)])
    highest, lowest = ahead.max(axis=1).clip(1e-9), ahead.min(axis=1).clip(max=-1e-9)
    known = samples(closes[:-HORIZON], 0.999 * highest, -0.999 * lowest)
    for score in by_baseline(scores(known, HORIZON), "first passage").values():
        assert score.verdict == "better"
        assert score.ours > 0.3


def test_the_probability_that_is_taken_off_is_that_of_the_reflection_principle() -> None:
    """One episode, of a level that is not reached: what is left is minus twice the normal tail."""
    closes = 100.0 * np.exp(np.where(np.arange(60 + HORIZON) % 2, 1e-3, 0.0))
    level = np.full(len(closes), 5e-3)
    (score,) = {one.ours for one in scores(samples(closes, level, level), HORIZON)[:2] if one.episodes}
    assert score == pytest.approx(-2 * (1 - 0.5 * (1 + erf(5e-3 / (1e-3 * sqrt(HORIZON)) / sqrt(2)))), rel=1e-3)


def test_few_episodes_conclude_nothing() -> None:
    closes = walk(5, 60 + HORIZON * (CONCLUSIVE - 5))
    level = np.full(len(closes), 1e-3)
    for score in by_baseline(scores(samples(closes, level, level), HORIZON), "first passage").values():
        assert 0 < score.episodes < CONCLUSIVE
        assert score.verdict == "not conclusive"


def test_what_is_liquidated_within_the_band_counts_by_its_notional() -> None:
    """Longs at a level of ours, in two runs of liquidations an hour apart; shorts where nothing was predicted."""
    closes = np.full(400, 100.0) * np.exp(np.tile([0.0, 1e-4], 200))
    told = samples(closes, np.full(400, nan), np.full(400, 0.02))
    at = {
        100: [("sell", -0.021, 30.0)],
        101: [("sell", -0.05, 10.0), ("buy", 0.02, 99.0)],
        200: [("sell", -0.018, 60.0)],
    }
    for number, forced in at.items():
        close = told[number - 1].close
        told[number] = told[number]._replace(forced=tuple(Forced(s, close * np.exp(move), n) for s, move, n in forced))
    found = by_baseline(scores(told, HORIZON), "liquidated inside")
    assert found["mirrored"].episodes == 0  # nothing was predicted on the other side
    shifted = found["time-shifted"]
    assert shifted.episodes == 2
    assert (shifted.ours, shifted.theirs) == pytest.approx((0.9, 0.9))
    assert shifted.verdict == "not conclusive"


def test_the_same_seed_gives_the_same_score() -> None:
    closes = walk(6, 3_000)
    told = samples(closes, *np.random.default_rng(1).uniform(0.001, 0.01, (2, len(closes))))
    assert str(scores(told, HORIZON, 1)) == str(scores(told, HORIZON, 1))
    assert str(scores(told, HORIZON, 1)) != str(scores(told, HORIZON, 2))
