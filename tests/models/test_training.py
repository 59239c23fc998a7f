"""Learning from samples whose truth is known: what earns is found, what does not is not, and leaks are named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from models.config import Boosting, TrainConfig
from models.drift import histogram
from models.errors import ModelError
from models.evaluation import LEARNERS, evaluated
from models.gates import by_window, earned_by_day, figures, gates, stretches
from models.leaks import leaks_of_inputs
from models.manifest import GATES, Gate, entry_of
from models.metrics import drawdown, sharpe
from models.registry import Catalogue, Registry
from models.sample import Sample
from models.splits import Fold, Inner, Rows, Times, inner
from models.training import Attempt, Candidate, attempts, folds_of, trained
from tests.models.samples import BEGIN, made_sample

CONFIG = TrainConfig(windows=3, boosting=Boosting(rounds=60, least_rows=20), least_outcomes=300)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return made_sample(3_000)


@pytest.fixture(scope="module")
def both(sample: Sample) -> list[Attempt]:
    return attempts(sample, folds_of(sample, CONFIG), CONFIG, draws=50)


@pytest.fixture(scope="module")
def best(both: list[Attempt]) -> Attempt:
    return both[0]


def test_an_edge_is_found_by_the_better_learner(best: Attempt) -> None:
    """Which way the first input points depends on the direction: the regression takes it times that, too."""
    assert best.learner == "logistic"
    assert best.passed, best.gates
    told = best.verdict.figures
    assert 0.6 < told["auc"] < 0.75
    assert told["log_loss"] < told["log_loss_of_base_rate"]
    assert told["expectancy"] > 0
    assert best.verdict.intervals["expectancy"].low > 0
    days = earned_by_day(best.walk)
    alone = [days[np.random.default_rng(at).integers(0, len(days), len(days))] for at in range(200)]
    for name, statistic in (("sharpe", sharpe), ("drawdown", drawdown)):  # no label is longer than a day
        value, *between = best.verdict.intervals[name]
        assert value == told[name]
        assert between == pytest.approx(np.quantile([statistic(one) for one in alone], [0.025, 0.975]), rel=0.35)
    assert sum(stretches(best.walk)) == pytest.approx(told["expectancy"] * told["chosen"])
    windows = by_window(best.walk, draws=20)
    assert sum(window.figures["rows"] for window in windows) == told["rows"]
    for window, fold in zip(windows, best.walk.folds, strict=True):
        assert (window.trained > 1_000, window.ts_start, window.ts_end) == (True, fold.ts_start, fold.ts_end)
        of_all = {"ir", "deflated_sharpe", "importance_stability"}  # and a window in which no day loses has no Sortino
        assert of_all <= told.keys() - window.figures.keys() <= of_all | {"sortino", "calmar"}
        assert best.verdict.intervals.keys() - window.intervals.keys() <= {"sortino", "calmar"}
        low, high = window.intervals["sharpe"]
        assert low < window.figures["sharpe"] < high
    weights = [window.figures["rows"] / told["rows"] for window in windows]
    for name in ("log_loss", "brier", "base_rate"):
        mean = sum(part * window.figures[name] for part, window in zip(weights, windows, strict=True))
        assert mean == pytest.approx(told[name])


def test_without_an_edge_nothing_may_serve() -> None:
    blind = made_sample(3_000, edge=0.0)
    for attempt in attempts(blind, folds_of(blind, CONFIG), CONFIG, draws=20):
        assert not attempt.passed
        assert {gate.name for gate in attempt.gates if gate.passed} >= {"outcomes", "no leak", "not too good"}


def test_fewer_outcomes_than_five_hundred_pass_no_gate_whatever_is_asked_for(best: Attempt) -> None:
    few = best.walk.sample.take(np.arange(len(best.walk.sample)) < 499)
    columns = {name: getattr(best.walk, name)[:499] for name in ("p", "base", "bar", "window")}
    walk = replace(best.walk, sample=few, **columns)
    assert gates(walk, figures(walk, draws=2), 1)[0] == Gate(name="outcomes", passed=False, detail="499 of 500")
    assert tuple(gate.name for gate in best.gates) == GATES


def test_an_edge_that_is_in_sample_alone_is_told(best: Attempt) -> None:
    walk = replace(best.walk, p=1 - best.walk.p)
    told = figures(walk, draws=2)
    assert told.figures["in_over_out"] == float("inf")
    assert told.alarms == ["overfit: the edge in sample is there, and none out of sample"]


def named(sample: Sample, folds: list[Fold], parts_of: Callable[[Times, Times, Rows], Inner] = inner) -> str:
    walk = evaluated(sample, folds, LEARNERS["logistic"], CONFIG, parts_of)
    assert not next(gate for gate in gates(walk, figures(walk, draws=10), 300) if gate.name == "no leak").passed
    return "; ".join(walk.leaks)


def test_labels_that_overlap_the_split_are_named(sample: Sample) -> None:
    folds = [fold._replace(train=np.flatnonzero(sample.decided < fold.ts_start)) for fold in folds_of(sample, CONFIG)]
    assert "labels overlap the split" in named(sample, folds)


def test_early_stopping_that_sees_the_test_is_named(sample: Sample) -> None:
    (fold, *_) = folds_of(sample, CONFIG)

    def peeping(decided: Times, ends: Times, rows: Rows) -> Inner:
        return inner(decided, ends, rows)._replace(stop=fold.test[:300])

    assert "early stopping sees the test" in named(sample, [fold], peeping)


def test_an_input_of_one_bar_ahead_is_named(sample: Sample) -> None:
    x = sample.x.copy()
    x[:, 1] = sample.ahead * 1e-6
    assert "input tiny looks ahead" in named(replace(sample, x=x), folds_of(sample, CONFIG))


def test_a_few_rows_of_many_inputs_look_ahead_by_chance_alone() -> None:
    random = np.random.default_rng(2)
    x, at = random.normal(size=(250, 120)).astype(np.float32), np.arange(250, dtype=np.int64)
    net, ahead = random.normal(size=(2, 250))
    few = Sample([f"input_{number}" for number in range(120)], x, net, at, at + 1, np.ones(250), ahead, 1.0)
    assert leaks_of_inputs(few) == []


@pytest.mark.parametrize("at", [0, 1])
def test_what_was_trained_enters_the_registry_and_says_there_what_the_learner_says(
    tmp_path: Path, sample: Sample, both: list[Attempt], at: int
) -> None:
    best = both[at]
    candidate = Candidate("majors", sample, ["sim:BTC/USDT:USDT"], ("confluence", "1"), [])
    told, made = trained(candidate, best, CONFIG, "d" * 64, ("s", "c"))
    again, _ = trained(candidate, best, CONFIG, "d" * 64, ("s", "c"))
    assert told == again
    assert told.model == "confluence-majors"
    manifest, files = entry_of(told, best.gates)
    catalogue = Catalogue("s", "c", frozenset(sample.inputs) - {"direction", "score"})
    version = Registry(tmp_path).add(manifest, files, catalogue)
    model = Registry(tmp_path).load("confluence-majors", version, catalogue)
    assert sum(part.rows for part in model.manifest.curve) == best.verdict.figures["rows"]
    assert {*model.manifest.importance} == {*sample.inputs}
    assert np.allclose(np.sum([*model.manifest.importance.values()], axis=0), 1.0)  # in each window
    rows = sample.x[::50]
    assert np.allclose([model.probability(row) for row in rows], made.probabilities(rows), atol=1e-6)


def test_a_histogram_has_bins_of_equal_frequency_as_far_as_values_differ() -> None:
    even = histogram(np.arange(100.0))
    assert even.counts == [10] * 10
    few = histogram(np.array([0.0] * 95 + [1.0] * 5 + [np.nan]))
    assert (sum(few.counts), few.missing) == (100, 1)
    assert len(few.counts) == len(few.edges) + 1 <= 3


def test_too_few_and_one_class_are_told() -> None:
    one_sided = made_sample(400)
    lost = replace(one_sided, net=-np.abs(one_sided.net))
    with pytest.raises(ModelError, match="both wins and losses"):
        evaluated(lost, folds_of(lost, CONFIG), LEARNERS["lightgbm"], CONFIG)
    with pytest.raises(ModelError, match="0 to test on"):
        folds_of(one_sided, CONFIG, test_from=BEGIN * 2)
