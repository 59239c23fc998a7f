"""Figures against scipy, scikit-learn, and plain definitions."""

from importlib import import_module
from math import isnan, nan, sqrt
from typing import Any

import numpy as np
import pytest

from models import metrics
from schemas.time import DAY, HOUR

stats: Any = import_module("scipy.stats")
oracle: Any = import_module("sklearn.metrics")

CHANCE = np.random.default_rng(11)
P = CHANCE.uniform(0.05, 0.95, 400)
WIN = CHANCE.uniform(size=400) < P
COARSE = np.round(P, 1)
DAYS = CHANCE.normal(0.002, 0.02, 250)


def test_predictions_are_judged_as_by_scikit_learn_and_scipy() -> None:
    assert metrics.log_losses(P, WIN).mean() == pytest.approx(oracle.log_loss(WIN, P))
    assert metrics.brier(P, WIN) == pytest.approx(oracle.brier_score_loss(WIN, P))
    for score in (P, COARSE):
        assert metrics.auc(score, WIN) == pytest.approx(oracle.roc_auc_score(WIN, score))
        outcome = score + CHANCE.normal(0.0, 0.3, 400)
        assert metrics.information_coefficient(score, outcome) == pytest.approx(
            stats.spearmanr(score, outcome).statistic
        )
    assert isnan(metrics.auc(P, np.ones(400, dtype=bool)))
    bins = metrics.reliability(P, WIN, 7)
    assert sum(part.rows for part in bins) == 400
    assert sum(part.share * part.rows for part in bins) == pytest.approx(WIN.sum())


def test_returns_are_judged_by_their_definitions() -> None:
    mean, spread = DAYS.mean(), DAYS.std(ddof=1)
    assert metrics.sharpe(DAYS) == pytest.approx(sqrt(365) * mean / spread)
    losses = [min(day, 0.0) ** 2 for day in DAYS]
    assert metrics.sortino(DAYS) == pytest.approx(sqrt(365) * mean / sqrt(sum(losses) / 250))
    worth = [0.0, *np.cumsum(DAYS)]
    fall = max(max(worth[: at + 1]) - worth[at] for at in range(251))
    assert metrics.drawdown(DAYS) == pytest.approx(fall)
    assert metrics.calmar(DAYS) == pytest.approx(365 * mean / fall)
    assert metrics.profit_factor(np.array([3.0, -1.0, -0.5])) == 2.0
    assert metrics.hit_rate(np.array([3.0, -1.0, 0.0, 1.0])) == 0.5
    assert isnan(metrics.profit_factor(np.array([1.0])))
    assert isnan(metrics.sharpe(np.zeros(5)))


def test_a_day_without_a_trade_counts() -> None:
    ts = np.array([DAY + HOUR, DAY + 2 * HOUR, 3 * DAY])
    assert metrics.daily(ts, np.array([1.0, 2.0, 4.0]), DAY, 5 * DAY).tolist() == [3.0, 0.0, 4.0, 0.0]


def test_the_t_test_is_that_of_the_sums_of_blocks() -> None:
    block = np.repeat(np.arange(25), 10)
    sums = DAYS.reshape(25, 10).sum(axis=1)
    assert metrics.block_p(DAYS, block) == pytest.approx(stats.ttest_1samp(sums, 0, alternative="greater").pvalue)
    assert metrics.block_p(np.zeros(5), np.arange(5)) == 1.0


def test_an_interval_is_as_wide_as_the_blocks_are_alike() -> None:
    """Ten equal rows a block tell no more than one."""
    means = CHANCE.normal(0.0, 1.0, 60)
    rows, block = np.repeat(means, 10), np.repeat(np.arange(60), 10)
    honest = metrics.block_interval(lambda at: float(rows[at].mean()), block, 1)
    alone = metrics.block_interval(lambda at: float(rows[at].mean()), np.arange(600), 1)
    assert honest.value == pytest.approx(rows.mean())
    assert honest.high - honest.low == pytest.approx(2 * 1.96 * means.std() / sqrt(60), rel=0.15)
    assert alone.high - alone.low < 0.5 * (honest.high - honest.low)


def test_a_sharpe_ratio_is_worth_less_the_more_was_tried() -> None:
    alone = metrics.deflated_sharpe(DAYS, [metrics.sharpe(DAYS)])
    own = DAYS.mean() / DAYS.std(ddof=1)
    spread = sqrt(1 - stats.skew(DAYS) * own + (stats.kurtosis(DAYS, fisher=False) - 1) / 4 * own**2)
    assert alone == pytest.approx(stats.norm.cdf(own * sqrt(249) / spread))
    few = metrics.deflated_sharpe(DAYS, [metrics.sharpe(DAYS), 0.0, -1.0])
    many = metrics.deflated_sharpe(DAYS, [metrics.sharpe(DAYS), *CHANCE.normal(0.0, 1.0, 50)])
    assert alone > few > many
    assert isnan(metrics.deflated_sharpe(np.zeros(10), [nan]))


def test_the_best_of_many_without_skill_is_as_often_bad_as_good() -> None:
    noise = np.mean([
        metrics.overfitting_probability(np.random.default_rng(seed).normal(size=(8, 20))) for seed in range(20)
    ])  # fmt: skip
    assert 0.35 < noise < 0.65
    skill = np.random.default_rng(3).normal(size=(8, 20)) + np.linspace(0.0, 8.0, 20)
    assert metrics.overfitting_probability(skill) < 0.05


def test_blocks_are_stretches_of_time() -> None:
    assert metrics.blocks(np.array([5, 6, 14, 15, 45]), 10).tolist() == [0, 0, 0, 1, 2]
