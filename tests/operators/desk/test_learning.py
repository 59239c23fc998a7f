"""Learning at the desk: from outcomes that are known, in an order that nothing but the log decides."""

from collections.abc import Iterator
from math import sin
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from models.calibration import PlattInTime
from models.registry import Registry
from operators.closed import Closed, Reading, Standing
from operators.config import DeskConfig, ModelsConfig, StrategyConfig
from operators.desk.confluence import version_of
from operators.desk.desk import Desk
from schemas.identifiers import derive
from schemas.layouts import Layout
from schemas.results import Bar
from schemas.time import MINUTE
from schemas.topics import Outgoing
from tests.operators.desk.support import (
    FALLING,
    RISING,
    closed,
    definition,
    interleaved,
    older,
    signals,
    standing,
    vector,
)
from tests.operators.desk.test_serving import activation, added, events
from tests.operators.support import DELAY, ns

CONFIG = DeskConfig(
    strategy=StrategyConfig(cooldown_bars=0, horizon_bars=5),
    models=ModelsConfig(min_probability=0.0, max_disagreement=0.5, online=True),
)
STRATEGY = version_of(CONFIG.strategy)
NAMES = ("x:a/b", "x:c/d")
Told = Closed | Standing | Reading


def bar(minute: int, name: str) -> Bar:
    """The one that closes at that minute; the price goes up and down like a wave."""
    price = 100.0 + 5.0 * sin(minute / 5 + len(name))
    return Bar(
        id=derive("bar", name, minute), instrument_id=name, timeframe="1m", ts_open=ns(60 * minute - 60),
        ts_close=ns(60 * minute), ts_decided=ns(60 * minute + 2.5) + DELAY, revision=0, open=price, high=price + 1,
        low=price - 1, close=price, volume=1.0, notional=price, trades=1, buy_volume=0.5, sell_volume=0.5,
        bid_first=price - 0.05, bid_low=price - 1.05, bid_high=price + 0.95, bid_last=price - 0.05,
        ask_first=price + 0.05, ask_low=price - 0.95, ask_high=price + 1.05, ask_last=price + 0.05,
    )  # fmt: skip


def stream(name: str, minutes: int) -> Iterator[Told]:
    for minute in range(1, minutes + 1):
        made = bar(minute, name)
        kind = RISING if (minute // 3) % 2 else FALLING
        features = {**kind, "tfi": kind["tfi"]}
        said = vector(minute, features, instrument_id=name, bid=made.bid_last, ask=made.ask_last)
        yield closed(said, known=definition(name), bar=made)


def market(minutes: int) -> dict[str, list[Told]]:
    streams = {name: list(stream(name, minutes)) for name in NAMES}
    return {**streams, "control": [standing(minutes, *NAMES)]}


def told(desk: Desk, minutes: int) -> list[Outgoing]:
    return desk.on_batch([record for records in market(minutes).values() for record in records])


def labels(desk: Desk) -> int:
    assert desk.serving.learning is not None
    return desk.serving.learning.ensemble.labels


def test_it_learns_when_a_label_is_known_and_not_before() -> None:
    desk = Desk(CONFIG)
    seen = []
    for minute in range(1, 12):
        desk.on_batch([standing(minute, *NAMES), *[list(stream(name, minute))[-1] for name in NAMES]])
        seen.append(labels(desk))
    assert seen[0] == seen[1] == 0  # at the first close there is a candidate, the next bar fills it
    assert 0 < seen[-1] <= 2 * 10
    assert seen == sorted(seen)


def test_what_a_missing_bar_hides_is_not_learnt() -> None:
    """Stop and targets are so far that each way leads over five bars."""
    far = replace(CONFIG.strategy, stop_atr=20.0, targets_atr=(20.0, 30.0, 40.0))
    learnt = []
    for missing in (99, 5):
        desk = Desk(replace(CONFIG, strategy=far))
        records = [one for one in stream(NAMES[0], 9) if isinstance(one, Closed)]
        records = [replace(one, bar=None) if at == missing else one for at, one in enumerate(records)]
        desk.on_batch([standing(9, NAMES[0]), *records])
        learnt.append(labels(desk))
    assert learnt == [2, 0]


def test_below_five_hundred_outcomes_the_rules_speak_and_say_so() -> None:
    desk = Desk(CONFIG)
    out = told(desk, 60)
    last = signals(out)[-1]
    assert (last.models, last.calibrated) == ([], False)
    assert last.explanation.endswith(" outcomes, too few to be heard.")
    assert 30 < labels(desk) < 120


def test_with_five_hundred_they_speak_and_are_calibrated() -> None:
    desk = Desk(CONFIG)
    out = told(desk, 420)
    assert labels(desk) > 500
    last = signals(out, "signals.published")[-1]
    whole, *members = last.models
    assert (whole.model, [member.model for member in members]) == ("ensemble", ["online-logistic", "online-tree"])
    assert last.calibrated
    assert last.confidence == whole.probability
    assert sum(member.weight for member in members) == pytest.approx(1.0)
    for opinion in (whole, members[0]):
        assert opinion.logit is not None
        assert opinion.base is not None
        assert opinion.contributions
        seen = RISING if last.direction == "long" else FALLING  # and not how far it speaks for the direction
        assert {
            part.feature: part.value for part in opinion.contributions if part.feature in seen
        }.items() <= seen.items()
        assert opinion.base + sum(part.contribution for part in opinion.contributions) == pytest.approx(
            opinion.logit, abs=1e-6
        )


def test_beside_a_batch_model_they_are_heard_when_they_are_proven(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    version = added(registry, strategy=STRATEGY)
    desk = Desk(CONFIG, registry)
    records = [record for one in market(90).values() for record in one]
    said = signals(desk.on_batch([activation(1, version), *records]))
    first, last = said[0].models, said[-1].models
    assert [(one.model, one.weight) for one in first] == [
        ("ensemble", 1.0), ("all", 1.0), ("online-logistic", 0.0), ("online-tree", 0.0),
    ]  # fmt: skip
    assert first[0].probability == pytest.approx(first[1].probability)
    assert labels(desk) > 100
    assert all(0 < one.weight < 1 for one in last[1:])


def test_a_line_that_was_learnt_of_one_version_does_not_bend_another(tmp_path: Path) -> None:
    """Nor do outcomes teach it that come after the change, of what was told before."""
    registry = Registry(tmp_path)
    desk = Desk(CONFIG, registry)
    records: list[Told] = [standing(40, *NAMES)]
    for minute, seed in ((1, 1), (30, 2)):
        records.append(activation(minute, added(registry, seed, strategy=STRATEGY)))
    desk.on_batch([*records, *[record for name in NAMES for record in stream(name, 29)]])
    assert desk.serving.learning is not None
    ensemble = desk.serving.learning.ensemble
    assert ensemble.line.count > 0
    ensemble.line = PlattInTime(0.2, 0.5, 300)
    for minute in (30, 31):
        said = signals(desk.on_batch([list(stream(name, minute))[-1] for name in NAMES]))
        assert [one.confidence for one in said] == [pytest.approx(one.models[1].probability) for one in said] != []
        assert (ensemble.changes, ensemble.line.count) == (2, 0)
    before = ensemble.labels
    desk.on_batch([record for name in NAMES for record in list(stream(name, 40))[31:]])
    assert 0 < ensemble.line.count < ensemble.labels - before


def test_models_that_disagree_make_the_size_smaller_and_abstain(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    version = added(registry, strategy=STRATEGY)
    by_limit = {}
    for limit in (0.5, 0.001):
        config = replace(CONFIG, models=replace(CONFIG.models, max_disagreement=limit))
        records = [record for one in market(90).values() for record in one]
        by_limit[limit] = signals(Desk(config, registry).on_batch([activation(1, version), *records]))[-1]
    alone = signals(told(Desk(replace(CONFIG, models=ModelsConfig(min_probability=0.0))), 90))[-1]
    assert by_limit[0.5].size is not None
    assert alone.size is not None
    assert 0 < by_limit[0.5].size < alone.size
    assert any("models disagree: their standard deviation of" in veto for veto in by_limit[0.001].vetoes)
    assert not any("is not a lot" in veto for veto in by_limit[0.001].vetoes)
    assert by_limit[0.001].confidence == by_limit[0.5].confidence


@settings(deadline=None, max_examples=5)
@given(random=st.randoms(use_true_random=False))
def test_no_interleaving_and_no_restart_changes_what_is_learnt(random: Random) -> None:
    one, other = Desk(CONFIG), Desk(CONFIG)
    expected = told(one, 40)
    out = []
    for number, record in enumerate(interleaved(market(40), random)):  # type: ignore[arg-type]  # closes of members alone
        out += other.on_batch([record])
        if number % 13 == random.randint(0, 12):
            other = Desk.restored(other.state(), CONFIG)
    assert out == expected
    assert labels(other) == labels(one) > 20
    assert [one.serving.learning and one.serving.learning.learner.logits({"score": 0.5}) for one in (one, other)] == [
        one.serving.learning and one.serving.learning.learner.logits({"score": 0.5})
    ] * 2


def test_another_version_of_the_library_learns_again_and_says_so() -> None:
    desk, last = Desk(CONFIG), [record for name in NAMES for record in list(stream(name, 36))[30:]]
    told(desk, 30)
    before = labels(desk)
    state = Layout("desk", 17).unseal(desk.state())
    for kept, count in ((True, before), (False, 0)):
        state["serving"][3]["learner"][:] = ["0.1.0", b"", *state["serving"][3]["learner"][2:]][: 3 if kept else 2]
        again = Desk.restored(Layout("desk", 17).seal(state), CONFIG)
        assert labels(again) == count
        out = again.on_batch([standing(36, *NAMES), *last])
        (event,) = events(out)
        assert (event.model, event.event, event.ts_event) == ("online", "begun anew", ns(31 * 60))
        assert event.details["reason"].startswith("it was learnt by River 0.1.0, this is ")
        assert event.details["reason"].endswith(f"; learnt again from {count} outcomes")
        assert labels(again) > count  # what was followed is still followed
        assert not kept or signals(out) == signals(desk.on_batch([standing(36, *NAMES), *last]))


def test_a_state_from_before_goes_on_with_the_line_that_it_had() -> None:
    desk = Desk(CONFIG)
    told(desk, 30)
    state = older(Layout("desk", 17).unseal(desk.state()))
    ensemble = state["serving"][3]["ensemble"]
    del ensemble["line"]
    state["serving"][3]["ensemble"] = ensemble | {"slope": 0.7, "intercept": -0.1, "pairs": [(0.1, True)] * 250}
    again = Desk.restored(Layout("desk", 10).seal(state), CONFIG)
    learning = again.serving.learning
    assert learning is not None
    assert (learning.ensemble.calibrated, learning.ensemble.slope, learning.ensemble.intercept) == (True, 0.7, -0.1)
    assert again.serving.outcomes is not None
    assert desk.serving.outcomes is not None
    assert again.serving.outcomes.state() == desk.serving.outcomes.state()


def test_members_of_a_state_from_before_begin_alike_and_stay_proven() -> None:
    desk = Desk(CONFIG)
    told(desk, 30)
    state = older(Layout("desk", 17).unseal(desk.state()))
    state["serving"][3]["ensemble"]["members"] = {"online-logistic": [70.0, 300], "online-tree": [2.0, 120]}
    learning = Desk.restored(Layout("desk", 11).seal(state), CONFIG).serving.learning
    assert learning is not None
    members = learning.ensemble.members
    assert {name: (one.loss, one.count) for name, one in members.items()} == {
        "online-logistic": (0.0, 300), "online-tree": (0.0, 120),
    }  # fmt: skip


def test_what_is_learnt_waits_for_no_instrument_that_has_gone() -> None:
    desk = Desk(CONFIG)
    told(desk, 5)
    outcomes = desk.serving.outcomes
    assert outcomes is not None
    assert outcomes._following["x:a/b"]
    outcomes.close(ns(0) + 3 * 1_440 * MINUTE, [])
    assert outcomes._following == {}
