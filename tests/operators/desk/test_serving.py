"""Which model serves at which close, and what its word does to a candidate."""

from math import log
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from models.costs import Costs
from models.manifest import GATES
from models.registry import Registry
from operators.closed import Closed, Reading, Standing
from operators.config import DeskConfig, ModelsConfig, StrategyConfig
from operators.desk.confluence import VERSION, version_of
from operators.desk.desk import Desk
from operators.desk.serving import PROGRAM, Serving, program
from operators.errors import ModelAway, StateError
from schemas.errors import AwayError
from schemas.layouts import Layout
from schemas.market import CONTROL, Activation
from schemas.results import ModelEvent
from schemas.time import MINUTE
from schemas.topics import Outgoing
from tests.models.trees import breaking, trained
from tests.operators.desk.support import FALLING, RISING, closed, definition, older, signals, standing, vector
from tests.operators.support import ID, ns

EAGER = DeskConfig(strategy=StrategyConfig(cooldown_bars=0), models=ModelsConfig(min_probability=0.0))
Version = str


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return Registry(tmp_path_factory.mktemp("registry"))


def added(
    registry: Registry, seed: int = 1, model: str = "all", instruments: tuple[str, ...] = (), strategy: str = VERSION,
    question_hash: str = "",
) -> Version:  # fmt: skip
    made = trained(seed, catalogue=PROGRAM)
    manifest = replace(
        made.manifest, model=model, instruments=list(instruments), strategy_version=strategy,
        question_hash=question_hash,
    )  # fmt: skip
    return registry.add(manifest, made.files, PROGRAM)


def activation(minute: int, version: Version, model: str = "all", *, known: int | None = None) -> Reading:
    """For the close of that minute, and told so early, unless it is known later."""
    record = Activation(
        instrument_id=CONTROL, ts_event=ns(0), ts_received=ns(0), model=model, version=version,
        effective_close=ns(60 * minute),
    )  # fmt: skip
    return Reading(ns(60 * (known or minute)), record)


def closes(first: int, last: int) -> list[Closed | Standing | Reading]:
    return [closed(vector(minute), known=definition()) for minute in range(first, last + 1)]


def events(out: list[Outgoing]) -> list[ModelEvent]:
    found = [msgspec.json.decode(sent.value, type=ModelEvent) for sent in out if sent.topic == "models.events"]
    assert len({event.id for event in found}) == len(found)
    return found


def served(out: list[Outgoing]) -> list[tuple[int, str]]:
    """Minute and version, of candidates."""
    return [((s.ts_event - ns(0)) // MINUTE, s.models[0].version if s.models else "") for s in signals(out)]


def test_a_model_serves_from_its_close_on_and_a_rollback_ends_it(registry: Registry) -> None:
    one, other = added(registry), added(registry, 2)
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(2, one), activation(3, other)]
    out = Desk(EAGER, registry).on_batch([*told, activation(4, one), activation(5, ""), *closes(1, 6)])
    assert served(out) == [(1, ""), (2, one), (3, other), (4, one), (5, ""), (6, "")]
    assert [(event.event, event.version, event.ts_event, event.details["before"]) for event in events(out)] == [
        ("activated", one, ns(120), ""), ("activated", other, ns(180), one), ("activated", one, ns(240), other),
        ("deactivated", "", ns(300), one),
    ]  # fmt: skip
    assert not any(event.details["late"] for event in events(out))


def test_what_a_signal_says_of_its_model(registry: Registry) -> None:
    version = added(registry, question_hash=program(EAGER).question_hash)
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(1, version)]
    out = Desk(EAGER, registry).on_batch([*told, *closes(1, 1)])
    (signal,) = signals(out, "signals.published")
    (said,) = signal.models
    score = sum(factor.contribution for factor in signal.key_factors)
    model = registry.load("all", version, PROGRAM)
    row = model.row({name: RISING.get(name) for name in PROGRAM.names}, {}, direction=1, score=score)
    assert (said.model, said.version, said.weight) == ("all", version, 1.0)
    assert signal.calibrated
    assert signal.confidence == said.probability == pytest.approx(model.probability(row), abs=1e-12)
    first = said.contributions[0]
    assert f" Model all {version}: {said.probability:.0%} of such candidates end with a net profit, mostly by " in (
        signal.explanation
    )
    assert f"{first.feature} at {first.value:.4g} ({first.contribution:+.2f})" in signal.explanation
    assert said.logit == pytest.approx(log(said.probability / (1 - said.probability)), abs=1e-9)
    assert said.base is not None
    assert said.base + sum(part.contribution for part in said.contributions) == pytest.approx(said.logit, abs=1e-9)
    sizes = [abs(part.contribution) for part in said.contributions]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("online", [False, True])
def test_who_gives_no_number_abstains_and_that_is_a_veto(registry: Registry, *, online: bool) -> None:
    made = trained(catalogue=PROGRAM)
    files = made.files | {"model.onnx": breaking(RISING["rsi_14"] or 0.0)}
    version = registry.add(replace(made.manifest, model="all"), files, PROGRAM)
    desk = Desk(replace(EAGER, models=replace(EAGER.models, online=online)), registry)
    shadow, serving = activation(1, version), activation(2, version)
    assert isinstance(shadow.record, Activation)
    shadow = Reading(shadow.known, replace(shadow.record, shadow=True))
    told = [standing(99, ID), shadow, serving, *closes(1, 2), closed(vector(3, FALLING), known=definition())]
    beside, alone, other = signals(desk.on_batch(told))
    assert (beside.status, beside.models) == ("candidate", [])
    assert (alone.status, alone.models, alone.calibrated) == ("vetoed", [], False)
    assert alone.confidence == beside.confidence
    assert alone.vetoes == ["model all gives no number, so it says nothing"]
    assert other.status == "candidate"
    assert version in {said.version for said in other.models}


def test_a_low_probability_is_a_veto(registry: Registry) -> None:
    config = replace(EAGER, models=ModelsConfig(min_probability=0.999))
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(2, added(registry))]
    out = Desk(config, registry).on_batch([*told, *closes(1, 2)])
    before, vetoed = signals(out)
    assert (before.status, vetoed.status) == ("candidate", "vetoed")
    (reason,) = vetoed.vetoes
    assert vetoed.models[0].contributions
    assert reason == f"model all gives {vetoed.confidence:.3f}, least is 0.999"


def test_without_a_setting_the_model_s_own_break_even_decides(registry: Registry) -> None:
    made, said = trained(1, catalogue=PROGRAM), []
    for model, bar in (("easy", 0.01), ("hard", 0.99)):
        version = registry.add(replace(made.manifest, model=model, figures={"break_even": bar}), made.files, PROGRAM)
        told: list[Closed | Standing | Reading] = [standing(99, ID), activation(1, version, model), *closes(1, 1)]
        said += signals(Desk(replace(EAGER, models=ModelsConfig()), registry).on_batch(told))
    assert [one.status for one in said] == ["candidate", "vetoed"]
    assert said[1].vetoes[0].endswith("least is 0.99")


def test_without_a_model_every_byte_is_as_before() -> None:
    told: list[Closed | Standing | Reading] = [standing(99, ID), *closes(1, 5)]
    assert Desk(DeskConfig()).on_batch(told) == Desk(replace(EAGER, strategy=StrategyConfig())).on_batch(told)


def test_what_is_refused_changes_nothing_and_is_told(registry: Registry) -> None:
    version = added(registry)
    made = trained(3, catalogue=PROGRAM)
    stranger = registry.add(replace(made.manifest, model="all", strategy="other"), made.files, PROGRAM)
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(1, version)]
    given_up = replace(EAGER, models=replace(EAGER.models, given_up=("0" * 16,)))
    told += [activation(2, "0" * 16), activation(2, "../.."), activation(2, stranger)]
    out = Desk(given_up, registry).on_batch([*told, *closes(1, 2)])
    assert served(out) == [(1, version), (2, version)]
    refused = events(out)[1:]
    assert {(event.event, event.ts_event, event.details["before"]) for event in refused} == {
        ("refused", ns(120), version)
    }
    reasons = [event.details["reason"] for event in refused]
    assert reasons[0] == "it is given up by models.given_up"
    assert reasons[1].startswith("version '../..': no such name")
    assert reasons[2] == "it is for candidates of other 1, the desk makes those of confluence 1"


@pytest.mark.parametrize("changed", [{"stop_atr": 12.0}, {"targets_atr": (1.5, 3.5, 9.0)}, {"horizon_bars": 1}])
def test_a_model_is_not_asked_about_other_orders_than_it_was_trained_on(
    registry: Registry, changed: dict[str, Any]
) -> None:
    version, strategy = added(registry), replace(EAGER.strategy, **changed)
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(2, version), *closes(1, 4)]
    out = Desk(replace(EAGER, strategy=strategy), registry).on_batch(told)
    (event,) = events(out)
    said = {signal.strategy_version for signal in signals(out)}
    assert said == {version_of(strategy)} != {"1"}
    assert event.details["reason"].endswith(f"the desk makes those of confluence {version_of(strategy)}")
    assert version_of(replace(EAGER.strategy, timeframes=("5m", "15m"))) != "1"
    assert version_of(replace(EAGER.strategy, threshold=0.3, cooldown_bars=1, timeframes=("15m", "5m", "1m"))) == "1"


def test_so_is_one_of_other_costs(registry: Registry) -> None:
    version = added(registry, question_hash=program(EAGER).question_hash)
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(1, version), *closes(1, 1)]
    dear = replace(EAGER, models=replace(EAGER.models, costs=Costs(slippage=1e-3)))
    out = [Desk(one, registry).on_batch(told) for one in (dear, EAGER)]
    assert [[event.event for event in events(one)] for one in out] == [["refused"], ["activated"]]
    assert "other brackets or costs" in events(out[0])[0].details["reason"]
    assert [[len(signal.models) for signal in signals(one)] for one in out] == [[0], [1]]


def test_of_one_made_before_that_was_written_down_it_is_told_that_nobody_knows(registry: Registry) -> None:
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(1, added(registry)), *closes(1, 1)]
    out = Desk(EAGER, registry).on_batch(told)
    assert "nobody knows if they are these" in events(out)[0].details["remark"]
    assert [(len(signal.models), signal.calibrated) for signal in signals(out)] == [(1, False)]


@pytest.mark.parametrize("when", ["at its arrival", "at its close", "in part"])
def test_a_registry_that_is_away_for_a_while_changes_no_result(tmp_path: Path, when: str) -> None:
    """The same log, read again from the last snapshot if need be, gives the same bytes."""
    version, place = added(Registry(tmp_path / "models")), tmp_path / "models"
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(3, version), *closes(1, 5)]
    expected = Desk(EAGER, Registry(place)).on_batch(told)
    assert served(expected) == [(1, ""), (2, ""), *[(minute, version) for minute in (3, 4, 5)]]
    away, there = (place / "all", tmp_path / "away") if when != "in part" else (
        place / "all" / version / "model.txt", tmp_path / "model.txt"
    )  # fmt: skip
    desk = Desk(EAGER, Registry(place))
    away.rename(there)
    out = desk.on_batch(told[:2])
    if when == "at its arrival":
        there.rename(away)
    out += desk.on_batch(told[2:4])
    state = desk.state()
    if when != "at its arrival":
        with pytest.raises(ModelAway, match=r"is to serve, and is away: .*; put it there, or if it is lost"):
            desk.on_batch(told[4:])
        there.rename(away)
        desk = Desk.restored(state, EAGER, Registry(place))
    assert out + desk.on_batch(told[4:]) == expected


def test_what_does_not_answer_is_worth_another_try() -> None:
    away = Registry("s3://secret/models?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1")
    with pytest.raises(ModelAway) as caught:
        Desk(EAGER, away).on_batch([standing(99, ID), activation(1, "0" * 16), *closes(1, 1)])
    assert caught.value.exit_status == AwayError.exit_status


def test_changed_bytes_are_refused_and_the_champion_goes_on(tmp_path: Path) -> None:
    one, other = added(Registry(tmp_path)), added(Registry(tmp_path), 2)
    (tmp_path / "all" / other / "model.txt").write_text("tampered")
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(1, one), activation(2, other)]
    out = Desk(EAGER, Registry(tmp_path)).on_batch([*told, *closes(1, 3)])
    assert served(out) == [(1, one), (2, one), (3, one)]
    assert events(out)[1].details["reason"].startswith("model.txt was changed: ")


def test_one_that_comes_too_late_serves_from_the_next_close_and_says_so(registry: Registry) -> None:
    version = added(registry, question_hash=program(EAGER).question_hash)
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(1, version, known=2)]
    out = Desk(EAGER, registry).on_batch([*told, *closes(1, 2)])
    assert served(out) == [(1, ""), (2, version)]
    assert events(out)[0].details == {
        "before": "", "effective_close": ns(60), "late": True, "gates_failed": [*GATES],
        "trained": {"to": 2 * 10**18, "outcomes": 600},
    }  # fmt: skip


def test_a_shadow_is_asked_and_changes_nothing(registry: Registry) -> None:
    one, other = added(registry), added(registry, 2)
    shadow = activation(2, other)
    assert isinstance(shadow.record, Activation)
    shadow = Reading(shadow.known, replace(shadow.record, shadow=True, reason="a challenger"))
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(1, one)]
    alone = Desk(EAGER, registry).on_batch([*told, *closes(1, 4)])
    desk = Desk(EAGER, registry)
    out = desk.on_batch([*told, shadow, *closes(1, 3)])
    desk = Desk.restored(desk.state(), EAGER, registry)
    out += desk.on_batch(closes(4, 4))
    assert [[(said.version, said.weight, said.shadow) for said in signal.models] for signal in signals(out)] == [
        [(one, 1.0, False)], *[[(one, 1.0, False), (other, 0.0, True)]] * 3,
    ]  # fmt: skip
    assert [replace(signal, models=signal.models[:1]) for signal in signals(out)] == signals(alone)
    assert [(event.event, event.details.get("why")) for event in events(out)] == [
        ("activated", None), ("shadowed", "a challenger"),
    ]  # fmt: skip
    out = desk.on_batch([activation(5, other), *closes(5, 5)])
    assert [said.version for said in signals(out)[0].models] == [other]  # promoted, it is no shadow any more


def test_a_withdrawal_is_of_the_version_that_it_names(registry: Registry) -> None:
    one, other = added(registry), added(registry, 2)
    serving = Serving(EAGER, registry)
    plain = activation(1, other).record
    assert isinstance(plain, Activation)
    serving.add(ns(60), replace(plain, shadow=True))
    said = []
    for minute, version in ((2, one), (3, other)):
        serving.add(ns(60 * minute), replace(plain, version="", shadow=True, withdrawn=version))
        said += [(event.event, event.version, dict(serving.shadows)) for event in serving.move(ns(60 * minute))]
    assert said[1:] == [("refused", one, {"all": other}), ("no longer shadowed", other, {})]


def test_a_challenger_that_goes_no_further_is_told_and_changes_nothing(registry: Registry) -> None:
    one, other = added(registry), added(registry, 2)
    refused = activation(2, "")
    assert isinstance(refused.record, Activation)
    record = replace(refused.record, shadow=True, refused=other, reason="did not pass")
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(1, one), Reading(refused.known, record)]
    out = Desk(EAGER, registry).on_batch([*told, *closes(1, 3)])
    assert served(out) == [(1, one), (2, one), (3, one)]
    assert [(event.event, event.version, event.details.get("why")) for event in events(out)] == [
        ("activated", one, None), ("refused", other, "did not pass"),
    ]  # fmt: skip


def test_the_model_that_names_the_instrument_is_asked_first(registry: Registry) -> None:
    general, own = added(registry, 1, "a-general"), added(registry, 2, "own", (ID.partition(":")[2],))
    other = added(registry, 2, "other", ("x:y",))
    told: list[Closed | Standing | Reading] = [
        standing(99, ID, "x:y", "x:z"), activation(1, general, "a-general"), activation(1, own, "own"),
        activation(1, other, "other"), *[closed(vector(1, instrument_id=name)) for name in (ID, "x:y", "x:z")],
    ]  # fmt: skip
    found = {signal.instrument_id: signal.models[0].version for signal in signals(Desk(EAGER, registry).on_batch(told))}
    assert found == {ID: own, "x:y": other, "x:z": general}


def test_restored_anywhere_it_goes_on_as_before(registry: Registry) -> None:
    one, other = added(registry), added(registry, 2)
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(2, one), activation(4, other)]
    told += [activation(3, "no version"), *closes(1, 5)]
    expected = Desk(EAGER, registry).on_batch(told)
    for cut in range(1, len(told)):
        desk = Desk(EAGER, registry)
        out = desk.on_batch(told[:cut])
        assert out + Desk.restored(desk.state(), EAGER, registry).on_batch(told[cut:]) == expected


def test_a_version_that_served_and_is_gone_stops_the_desk(registry: Registry, tmp_path: Path) -> None:
    desk = Desk(EAGER, registry)
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(1, added(registry))]
    desk.on_batch([*told, *closes(1, 1)])
    with pytest.raises(ModelAway, match="is to serve, and is away: model all has no version"):
        Desk.restored(desk.state(), EAGER, Registry(tmp_path))
    version = added(Registry(tmp_path))
    (tmp_path / "all" / version / "model.txt").write_text("tampered")
    with pytest.raises(StateError, match=r"serves by the recovery state, and is refused: model\.txt was changed"):
        Desk.restored(desk.state(), EAGER, Registry(tmp_path))


def test_one_that_serves_and_is_lost_can_be_given_up(tmp_path: Path) -> None:
    one, other = added(Registry(tmp_path)), added(Registry(tmp_path), 2)
    shadow = activation(1, other)
    assert isinstance(shadow.record, Activation)
    desk = Desk(EAGER, Registry(tmp_path))
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(1, one)]
    desk.on_batch([*told, Reading(shadow.known, replace(shadow.record, shadow=True)), *closes(1, 1)])
    given_up = replace(EAGER, models=replace(EAGER.models, given_up=(one, other)))
    desk = Desk.restored(desk.state(), given_up, Registry(tmp_path / "elsewhere"))
    desk = Desk.restored(desk.state(), given_up, Registry(tmp_path / "elsewhere"))
    out = desk.on_batch(closes(2, 3))
    assert served(out) == [(2, ""), (3, "")]
    assert [(event.event, event.version, event.details["before"]) for event in events(out)] == [
        ("deactivated", "", one), ("no longer shadowed", other, other),
    ]  # fmt: skip


@pytest.mark.parametrize("changed", ["context", "brackets", "costs"])
def test_what_is_for_another_program_serves_no_more_after_a_restart(
    registry: Registry, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be refused if it were activated now, and the rules go on; nobody has to make the state anew."""
    asked = program(EAGER).question_hash
    one, other = added(registry, question_hash=asked), added(registry, 2, question_hash=asked)
    shadow = activation(1, other)
    assert isinstance(shadow.record, Activation)
    desk, config = Desk(EAGER, registry), EAGER
    told: list[Closed | Standing | Reading] = [standing(99, ID), activation(1, one)]
    desk.on_batch(
        [*told, Reading(shadow.known, replace(shadow.record, shadow=True)), activation(3, one), *closes(1, 1)]
    )
    if changed == "context":
        monkeypatch.setattr("operators.desk.serving.PROGRAM", replace(PROGRAM, context_hash="e" * 64))
    elif changed == "brackets":
        config = replace(EAGER, strategy=replace(EAGER.strategy, stop_atr=2.0))
    else:
        config = replace(EAGER, models=replace(EAGER.models, costs=Costs(slippage=1e-3)))
    desk = Desk.restored(desk.state(), config, registry)
    desk = Desk.restored(desk.state(), config, registry)  # nothing was decided between
    out = desk.on_batch(closes(2, 3))
    assert served(out) == [(2, ""), (3, "")]
    found = events(out)
    assert [(event.event, event.ts_event, event.version) for event in found] == [
        ("deactivated", ns(120), ""), ("no longer shadowed", ns(120), other), ("refused", ns(180), one),
    ]  # fmt: skip
    assert all(event.details["reason"].startswith("refused: it ") for event in found[:2])
    assert events(Desk.restored(desk.state(), config, registry).on_batch(closes(4, 4))) == []


def test_what_waited_in_an_older_state_is_decided_at_its_close(registry: Registry) -> None:
    version = added(registry)
    desk = Desk(EAGER, registry)
    desk.on_batch([standing(99, ID), activation(2, version), *closes(1, 1)])
    state = older(Layout("desk", 17).unseal(desk.state()))
    state["serving"][1][0].append("the registry cannot be read")
    again = Desk.restored(Layout("desk", 12).seal(state), EAGER, registry)
    assert served(again.on_batch(closes(2, 2))) == [(2, version)]


def test_the_state_from_before_there_were_models_is_gone_on_with() -> None:
    desk = Desk(EAGER)
    desk.on_batch([standing(99, ID), *closes(1, 1)])
    state = Layout("desk", 17).unseal(desk.state())
    del state["serving"]
    again = Desk.restored(Layout("desk", 4).seal(state), EAGER)
    assert again.state() == desk.state()
