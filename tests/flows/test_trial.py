"""Who is better, by what the shadow said on the stream or by outcomes that were held back."""

from functools import cache

import numpy as np
import pytest
from msgspec.structs import replace

from flows.trial import Bet, Judgement, bets, gated, held_back, judge, tell
from models.costs import Costs
from models.dataset import Dataset, Hole, Manifest, first_open, given_up
from models.registry import Model
from models.scorer import Scorer
from models.trained import Calibration
from models.treeshap import TreeShap
from schemas.signals import ModelOpinion, Signal
from schemas.time import DAY, MINUTE
from tests.api.market import BTC, signal
from tests.models.catalogue import INPUTS
from tests.models.trees import breaking, trained

START = 1_723_161_600_000_000_000
ROWS = 300


def opinion(version: str, said: float, *, shadow: bool = False) -> ModelOpinion:
    return ModelOpinion(model="m", version=version, probability=said, weight=1.0 - shadow, shadow=shadow)


def told(chance: float, champion: float | None, pooled: float | None = None) -> tuple[Dataset, list[Signal]]:
    """Half of them win; the shadow gives those ``chance`` and the others the rest."""
    found = []
    for number in range(ROWS):
        record = list(signal(BTC, START + number * MINUTE, 64_000.0))[-1][1]
        assert isinstance(record, Signal)
        own = [] if champion is None else [opinion("1", champion)]
        own += [] if pooled is None else [opinion("online", 2 * pooled - (champion or 0.0))]
        shadow = opinion("2", chance if number % 2 else 1 - chance, shadow=True)
        models = [*own, shadow]
        found.append(replace(record, ts_decided=record.ts_event, models=models, confidence=pooled or champion or 0.9))
    return dataset({"id": np.array([one.id for one in found])}, np.arange(ROWS) % 2 == 1), found


def dataset(columns: dict[str, np.ndarray], wins: np.ndarray, x: np.ndarray | None = None) -> Dataset:
    decided = START + np.arange(ROWS) * MINUTE
    columns = columns | {
        "status": np.array(["exited"] * ROWS), "ts_decided": decided, "ts_end": decided + MINUTE,
        "net_return": np.where(wins, 0.01, -0.01), "gap": np.zeros(ROWS, bool),
    }  # fmt: skip
    manifest = Manifest(
        version=1, ts_start=START, ts_end=int(decided[-1]) + MINUTE, instruments=[BTC], strategies={}, schema_hash="",
        context_hash="", inputs={} if x is None else dict.fromkeys(INPUTS, "ratio"), rows=ROWS, labels=ROWS, wins=150,
        vetoed=0, costs=Costs(), bars={}, holes=[], open_from=int(decided[-1]) + MINUTE, sources={}, rows_hash="",
    )  # fmt: skip
    return Dataset(manifest, columns, np.zeros((ROWS, 0), np.float32) if x is None else x)


@pytest.mark.parametrize("champion", [0.5, None])
def test_a_shadow_is_held_against_who_served_or_the_base_rate(champion: float | None) -> None:
    name = None if champion is None else "1"
    good, bad = (judge(*told(chance, champion), "2", name, 0.5).comparison for chance in (0.7, 0.3))
    assert (good.count, good.better, good.worse) == (ROWS, True, False)
    assert (bad.better, bad.worse) == (False, True)
    assert judge(*told(0.7, champion), "another", name, 0.5).comparison.count == 0


def test_a_shadow_is_held_against_the_champion_itself_and_not_against_a_pool_with_others() -> None:
    duel = judge(*told(0.7, 0.5, pooled=0.7), "2", "1", 0.9)
    assert duel.comparison.mean == pytest.approx(0.25 - 0.09)
    assert (duel.ts_start, duel.ts_end) == (START, START + ROWS * MINUTE)


def test_only_outcomes_count_of_which_both_have_spoken() -> None:
    data, signals = told(0.7, 0.5)
    signals[:100] = [replace(one, models=one.models[1:]) for one in signals[:100]]  # another served then, or the rules
    duel = judge(data, signals, "2", "1", 0.5)
    assert (duel.comparison.count, duel.ts_start) == (ROWS - 100, START + 100 * MINUTE)


def known_at(ends: dict[str, int], signals: list[Signal], statuses: list[str], now: int) -> Dataset:
    """What a look at ``now`` (ns) makes of the store."""
    rows = [at for at, one in enumerate(signals) if ends[one.id] <= now]
    found = dataset({"id": np.array([one.id for one in signals])}, np.arange(ROWS) % 3 == 1)
    told = {"ts_end": np.array([ends[one.id] for one in signals]), "status": np.array(statuses)}
    known = {signals[at].id: ends[signals[at].id] for at in rows}
    manifest = replace(found.manifest, open_from=first_open(signals, known, now))
    return Dataset(manifest, {**found.columns, **told}, found.x).take(np.array(rows, int))


def test_the_row_of_bets_at_a_look_begins_that_at_a_later_one() -> None:
    """Whatever ends later than others, is never entered, or has no bars for days."""
    random = np.random.default_rng(3)
    _, signals = told(0.7, 0.5)
    ends = {one.id: one.ts_decided + int(random.integers(1, 60)) ** 2 * MINUTE // 10 for one in signals}
    ends[signals[60].id] = given_up(signals[60]) + DAY  # bars came back after two days
    statuses = ["unfilled" if random.random() < 0.3 else "exited" for _ in signals]
    before: list[Bet] = []
    counts = []
    for hours in (1, 2, 3, 4, 5, 9, 25, 26, 99):
        now = START + hours * 60 * MINUTE
        found = [*bets(known_at(ends, signals, statuses, now), signals, "2", "1", 0.5)]
        assert found[: len(before)] == before
        assert all(bet.ended <= now for bet in found)
        before = found
        counts.append(len(before))
    assert counts[-1] == ROWS
    assert 0 < counts[4] < 60 == counts[5] == counts[6]  # whose bars are away is waited for, but for a day only
    assert counts[7] == ROWS
    assert [bet.win is None for bet in before] == [one == "unfilled" or at == 60 for at, one in enumerate(statuses)]


def test_where_one_of_them_gives_no_number_nothing_is_compared() -> None:
    data, whole = kept(), model()
    (row,) = np.flatnonzero(data.x[:, 0] == data.x[7, 0])
    broken = Scorer(breaking(float(data.x[row, 0])), len(INPUTS))
    silent = Model(whole.version, whole.manifest, broken, whole.explainer, {})
    for challenger, champion in ((silent, whole), (whole, silent)):
        assert held_back(data, START, challenger, champion, 0).comparison.count == ROWS - 1


def test_what_a_missing_bar_hides_is_no_outcome() -> None:
    data, signals = told(0.7, 0.5)
    hidden = Dataset(data.manifest, {**data.columns, "gap": np.arange(ROWS) < 40}, data.x)
    assert [bet.win is None for bet in bets(hidden, signals, "2", "1", 0.5)] == [at < 40 for at in range(ROWS)]
    assert len(hidden.seen()) == ROWS - 40


def test_a_data_set_up_to_a_time_weighs_its_rows_by_those_that_it_has() -> None:
    data, _ = told(0.7, None)
    ends = data["ts_decided"] + 30 * MINUTE
    long = Dataset(data.manifest, {**data.columns, "instrument_id": np.array([BTC] * ROWS), "ts_end": ends}, data.x)
    kept, alone = long.before(START + 60 * MINUTE).weighed(), long.take(np.arange(30))
    assert len(kept) == len(alone) == 30
    assert kept["uniqueness"][-1] > 1.5 / 30  # of the next ones, which overlap it, nothing is known yet


def test_a_look_back_at_a_data_set_knows_no_more_than_one_at_that_time() -> None:
    data, signals = told(0.7, 0.5)
    data.columns["ts_end"][50] += 100 * MINUTE
    now = START + 90 * MINUTE
    assert data.before(now).manifest.open_from == START + 50 * MINUTE
    assert judge(data.before(now), signals, "2", "1", 0.5).comparison.count == 50
    assert data.before(START + 152 * MINUTE).manifest.open_from == START + 151 * MINUTE


def test_a_comparison_needs_as_many_outcomes_as_are_asked_for() -> None:
    found = judge(*told(0.7, None), "2", None, 0.5).comparison
    assert tell(found, "in the shadow", "the base rate", 300).verdict == "better"
    undecided = tell(found, "in the shadow", "the base rate", 301)
    assert (undecided.verdict, undecided.why.endswith(": not decided, 301 are the least")) == ("not decided", True)
    lost = tell(judge(*told(0.3, None), "2", None, 0.5).comparison, "in the shadow", "1", 100)
    assert lost.verdict == "worse"
    assert lost.why.startswith("300 outcomes in the shadow, squared error smaller by -0.2")


def test_who_is_better_and_must_not_serve_by_its_gates_is_not_promoted() -> None:
    better, worse = Judgement("better", "300 outcomes: better"), Judgement("worse", "300 outcomes: worse")
    assert gated(better, "did not pass edge") == Judgement(
        "not decided", "300 outcomes: better, but it did not pass edge"
    )
    assert (gated(better, ""), gated(worse, "did not pass edge")) == (better, worse)


@cache
def model(slope: float = 4.0, train_end: int = START, instruments: tuple[str, ...] = (BTC,)) -> Model:
    """Of trees, sure of itself or, with a small slope, of nothing."""
    made = trained()
    manifest = replace(
        made.manifest, calibration=Calibration(slope, 0.0), train_start=0, train_end=train_end,
        instruments=list(instruments), figures={"base_rate": 0.5},
    )  # fmt: skip
    text = made.files["model.txt"].decode()
    return Model("f" * 16, manifest, Scorer(made.files["model.onnx"], len(INPUTS)), TreeShap(text, len(INPUTS)), {})


def kept(instrument: str = BTC, *, as_told: bool = True) -> Dataset:
    """Outcomes as the trees say, or the other way round."""
    x, honest = trained().rows[:ROWS], model()
    wins = np.array([(honest.probability(row) > 0.5) is as_told for row in x])
    return dataset({"instrument_id": np.array([instrument] * ROWS)}, wins, x)


def test_where_nobody_serves_it_is_held_against_the_base_rate() -> None:
    good, bad = (held_back(kept(as_told=told), START, model(), None, 0) for told in (True, False))
    assert (good.comparison.count, good.comparison.better, good.comparison.worse) == (ROWS, True, False)
    assert (bad.comparison.better, bad.comparison.worse) == (False, True)
    assert (good.ts_start, good.ts_end) == (START, START + ROWS * MINUTE)


def test_what_either_was_trained_on_is_not_unseen() -> None:
    later = START + 100 * MINUTE
    for challenger, champion in ((model(train_end=later), model()), (model(), model(train_end=later))):
        duel = held_back(kept(), START, challenger, champion, 0)
        assert (duel.comparison.count, duel.ts_start) == (ROWS - 100, later)


def test_nor_is_what_the_champion_was_chosen_by() -> None:
    duel = held_back(kept(), START, model(), model(0.001), START + 250 * MINUTE)
    assert (duel.comparison.count, duel.ts_start) == (50, START + 250 * MINUTE)
    none = held_back(kept(), START, model(), model(0.001), START + ROWS * MINUTE)
    assert (none.comparison.count, none.ts_end) == (0, none.ts_start)


def test_too_few_outcomes_decide_nothing() -> None:
    few = held_back(kept(), START + (ROWS - 40) * MINUTE, model(), model(0.001), 0)
    judgement = tell(few.comparison, "held back", "1", 100)
    assert (judgement.verdict, judgement.why.startswith("40 outcomes held back")) == ("not decided", True)
    assert judgement.why.endswith(": not decided, 100 are the least")


def test_neither_is_asked_about_what_it_is_not_for() -> None:
    other, symbol = model(instruments=("x:OTHER/USDT",)), model(instruments=(BTC.partition(":")[2],))
    assert held_back(kept(), START, other, model(), 0).comparison.count == 0
    assert held_back(kept(), START, model(), other, 0).comparison.count == 0
    assert held_back(kept(), START, model(), symbol, 0).comparison.count == ROWS
    assert held_back(kept(), START, model(instruments=()), symbol, 0).comparison.count == ROWS


def test_a_data_set_up_to_a_time_has_the_holes_and_the_span_up_to_it() -> None:
    data, _ = told(0.7, None)
    holes = [Hole(instrument_id=BTC, ts_start=START + at * MINUTE, ts_end=START + (at + 5) * MINUTE) for at in (8, 20)]
    data.manifest = replace(data.manifest, holes=holes)
    first = data.before(START + 10 * MINUTE)
    assert (len(first), first.manifest.ts_end) == (9, START + 10 * MINUTE)  # the tenth ends with it
    assert first.manifest.holes == [replace(holes[0], ts_end=START + 10 * MINUTE)]
