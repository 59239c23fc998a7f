"""One round after the other: a challenger is trained, asked in the shadow, and promoted or withdrawn."""

from datetime import UTC, datetime

import numpy as np
import pytest
from msgspec.structs import replace

from flows.cli.retrain import next_round
from flows.cron import Cron
from flows.errors import FlowError
from flows.retrain import first_shadowed, standing
from flows.trial import judge, outcomes, tell
from models.costs import Costs
from models.dataset import Dataset, Manifest
from schemas.results import ModelEvent
from schemas.signals import ModelOpinion, Signal
from schemas.time import MINUTE
from tests.api.market import BTC, signal

START = 1_723_161_600_000_000_000


def event(model: str, version: str, what: str) -> ModelEvent:
    return ModelEvent(id="", model=model, version=version, event=what, ts_event=0)


def test_what_stands_follows_from_the_changelog() -> None:
    said = [
        event("a", "1", "activated"), event("a", "2", "shadowed"), event("b", "3", "shadowed"),
        event("a", "9", "refused"), event("b", "", "no longer shadowed"), event("c", "4", "activated"),
        event("c", "", "deactivated"),
    ]  # fmt: skip
    assert standing(iter(said)) == ({"a": "1"}, {"a": "2"})
    assert standing(iter([*said, event("a", "2", "activated")])) == ({"a": "2"}, {})


def test_a_comparison_begins_with_the_oldest_of_the_shadows() -> None:
    later = [replace(event(model, "2", "shadowed"), ts_event=START + at) for at, model in enumerate("abc", 1)]
    assert first_shadowed(later, {"c": "2", "b": "2", "a": "1"}) == START + 2


def told(chance: float, champion: float | None) -> tuple[Dataset, dict[str, Signal]]:
    """Half of them win; the shadow gives those ``chance`` and the others the rest."""
    found = []
    for number in range(300):
        record = list(signal(BTC, START + number * MINUTE, 64_000.0))[-1][1]
        assert isinstance(record, Signal)
        said = chance if number % 2 else 1 - chance
        shadow = ModelOpinion(model="m", version="2", probability=said, weight=0.0, shadow=True)
        own = [] if champion is None else [ModelOpinion(model="m", version="1", probability=champion, weight=1.0)]
        found.append(replace(record, models=[*own, shadow], confidence=champion or 0.9))
    decided = START + np.arange(300) * MINUTE
    columns = {
        "id": np.array([one.id for one in found]), "status": np.array(["exited"] * 300), "ts_decided": decided,
        "ts_end": decided + MINUTE, "net_return": np.array([0.01 if at % 2 else -0.01 for at in range(300)]),
    }  # fmt: skip
    return Dataset(manifest(int(decided[-1]) + MINUTE), columns, np.zeros((300, 0), np.float32)), {
        one.id: one for one in found
    }


def manifest(ts_end: int) -> Manifest:
    return Manifest(
        version=1, ts_start=START, ts_end=ts_end, instruments=[BTC], strategies={}, schema_hash="", context_hash="",
        inputs={}, rows=300, labels=300, wins=150, vetoed=0, costs=Costs(), bars={}, holes=[], sources={},
        rows_hash="",
    )  # fmt: skip


@pytest.mark.parametrize("champion", [0.5, None])
def test_a_shadow_is_held_against_who_served_or_the_base_rate(champion: float | None) -> None:
    good, bad = (judge(*told(chance, champion), "2", 0.5) for chance in (0.7, 0.3))
    assert (good.count, good.better, good.worse) == (300, True, False)
    assert (bad.better, bad.worse) == (False, True)
    assert judge(*told(0.7, champion), "another", 0.5).count == 0


def test_outcomes_count_once_all_of_their_time_have_ended() -> None:
    """Of the last ones only those are known that were quick, and they are not like the others."""
    data, _ = told(0.7, None)
    data.columns["ts_end"][7] += 59 * MINUTE
    assert len(outcomes(data)) == 300 - 59


def test_a_comparison_needs_as_many_outcomes_as_are_asked_for() -> None:
    found = judge(*told(0.7, None), "2", 0.5)
    assert tell(found, "in the shadow", "the base rate", 300).verdict == "better"
    undecided = tell(found, "in the shadow", "the base rate", 301)
    assert (undecided.verdict, undecided.why.endswith(": not decided, 301 are the least")) == ("not decided", True)
    lost = tell(judge(*told(0.3, None), "2", 0.5), "in the shadow", "1", 100)
    assert lost.verdict == "worse"
    assert lost.why.startswith("300 outcomes in the shadow, squared error smaller by -0.2")


@pytest.mark.parametrize(
    ("text", "begin", "expected"),
    [
        ("0 3 1 * *", "2024-01-31T23:59", "2024-02-01T03:00"),
        ("*/15 * * * *", "2024-05-01T00:15", "2024-05-01T00:30"),
        ("30 12 29 2 *", "2024-03-01T00:00", "2028-02-29T12:30"),
        ("0 0 13 * 5", "2024-09-01T00:00", "2024-09-06T00:00"),  # a Friday or a thirteenth
        ("0 0 * * 7", "2024-05-01T00:00", "2024-05-05T00:00"),
        ("5,10 1-3/2 * * *", "2024-05-01T01:10", "2024-05-01T03:05"),
    ],
)
def test_cron(text: str, begin: str, expected: str) -> None:
    found = Cron(text).after(datetime.fromisoformat(begin).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_round_begins_when_what_the_last_one_decided_is_in_force() -> None:
    """Its activations count from a minute and a half on at the latest."""
    ended = datetime(2024, 5, 1, 12, 0, 30, tzinfo=UTC)
    assert next_round(Cron("* * * * *"), ended) == datetime(2024, 5, 1, 12, 4, tzinfo=UTC)
    assert next_round(Cron("0 3 1 * *"), ended) == datetime(2024, 6, 1, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["* * * *", "61 * * * *", "* * 0 * *", "a * * * *", "*/0 * * * *", "5-1 * * * *"])
def test_no_cron(text: str) -> None:
    with pytest.raises(FlowError, match="cron"):
        Cron(text)


def test_a_time_that_never_comes_is_told() -> None:
    with pytest.raises(FlowError, match="there is no such time"):
        Cron("0 0 31 2 *").after(datetime(2024, 1, 1, tzinfo=UTC))
