"""What vitals mean: silence, the desk's wait, readiness."""

import msgspec
import pytest

from schemas.market import CONTROL
from schemas.partitioner import partition_for
from schemas.vitals import WATCHDOG, EngineVitals, PartitionVitals, Vitals
from sinks.health import Limits, checks, dead_sources, desk_wait, silent_keys
from tests.vitals_samples import NOW, SECOND, TS, engine, key, vitals

LIMITS = Limits()


def silent(*found: Vitals) -> list[str]:
    return [one.key for one in silent_keys(found, NOW, 10.0) if one.source == WATCHDOG]


def wrong(*found: Vitals) -> dict[str, str]:
    return {check.name: check.detail for check in checks(found, NOW, LIMITS) if not check.ok}


def test_who_has_not_been_heard_for_ten_seconds_is_silent_and_its_time_runs_on() -> None:
    found = engine({CONTROL: key(0.1), "sim:A": key(9.9), "sim:B": key(12.5)})
    (one,) = silent_keys([found], NOW, 10.0)
    assert (one.key, one.partition, one.ts) == ("sim:B", 0, TS + round(12.5 * SECOND))
    assert silent(engine({CONTROL: key(11.0), "sim:A": key(11.0)})) == ["sim:A", CONTROL]
    assert silent_keys([found], NOW, 0.0) == []


def test_nobody_is_judged_while_the_engine_is_behind_or_not_at_work() -> None:
    keys = {CONTROL: key(50.0), "sim:A": key(50.0)}
    fine = engine(keys)
    assert silent(fine) == ["sim:A", CONTROL]
    assert silent(engine(keys, behind=1)) == []
    assert silent(msgspec.structs.replace(fine, state="resuming")) == []
    assert silent(msgspec.structs.replace(fine, clock=NOW - 6 * SECOND)) == []
    assert silent(msgspec.structs.replace(fine, workers=2)) == []
    unread = PartitionVitals(following=100, end=100, lag_ms=None)
    assert silent(msgspec.structs.replace(fine, partitions={"market.events[0]": unread})) == []
    assert silent() == []


def test_nobody_but_members_is_judged() -> None:
    found = engine({CONTROL: key(50.0), "sim:A": key(50.0)})
    assert found.engine is not None
    found.engine.members = {}
    assert silent(found) == []


def test_who_gives_bars_only_is_judged_by_who_feeds_it() -> None:
    def fed(ago: float, *, names: list[str], control: float = 0.1) -> Vitals:
        keys = {CONTROL: key(control), "sim:A": key(3_000.0, beats=False)}
        return engine(keys, sources={"bars": (ago, names), "other": (control, ["sim:Z"])})

    assert silent(fed(0.1, names=["sim:A"])) == []
    assert silent(fed(60.0, names=["sim:A"])) == ["sim:A"]
    assert silent(fed(60.0, names=[])) == []
    assert silent(fed(60.0, names=[], control=20.0)) == ["sim:A", CONTROL]


def test_an_ingester_that_has_something_to_say_once_an_hour_is_not_dead_before_two() -> None:
    for ago, dead in ((7_100.0, False), (7_300.0, True)):
        found = engine({CONTROL: key(ago), "sim:A": key(ago, beats=False)}, sources={"bars": (ago, ["sim:A"])})
        assert found.engine is not None
        found.engine.sources["bars"].pause = 3_600 * SECOND
        assert silent(found) == ["sim:A", CONTROL] * dead
        assert bool(dead_sources([found], NOW, 10.0)) is dead


def test_who_was_only_named_has_the_control_key_s_time() -> None:
    found = engine({CONTROL: key(2.0)})
    assert found.engine is not None
    found.engine.members = {"sim:NEVER": NOW - 11 * SECOND, "sim:JUST NOW": NOW - 9 * SECOND}
    (one,) = silent_keys([found], NOW, 10.0)
    assert (one.key, one.partition, one.ts) == ("sim:NEVER", partition_for("sim:NEVER", 1), TS + 2 * SECOND)


def test_a_dead_ingester_is_told_on_the_control_key_in_its_name_until_it_is_told() -> None:
    found = engine({CONTROL: key(0.1)}, sources={"gone": (12.0, ["sim:A"]), "here": (9.0, ["sim:B"])})
    assert found.engine is not None
    found.engine.members = {}
    (one,) = silent_keys([found], NOW, 10.0)
    assert (one.key, one.source, one.ts) == (CONTROL, "gone", TS + SECOND // 10)
    found.engine.sources["gone"].gone = True
    assert silent_keys([found], NOW, 10.0) == []


def test_dead_ingesters() -> None:
    keys = {CONTROL: key(0.1), "sim:A": key(0.1)}
    found = engine(keys, sources={"gone": (12.0, ["sim:A"]), "here": (1.0, []), "long ago": (90_000.0, [])})
    assert dead_sources([found], NOW, 10.0) == {"gone": 12.0}
    assert dead_sources([engine(keys, sources={"gone": (12.0, [])}, behind=3)], NOW, 10.0) == {}


@pytest.mark.parametrize(
    ("told", "newest_s", "slowest", "seconds"),
    [
        ({"sim:A": 0, "sim:B": 0}, 5.0, CONTROL, 0.0),
        ({"sim:A": 0, "sim:B": 60}, 5.0, "sim:A", 5.0),
        ({"sim:A": 0, "sim:B": 180}, 5.0, "sim:A", 125.0),
        ({"sim:B": 60}, 5.0, "sim:A", 33.0),
    ],
)
def test_how_long_the_desk_has_been_waiting_for_whom(
    told: dict[str, int], newest_s: float, slowest: str, seconds: float
) -> None:
    closes = {name: TS + close * SECOND for name, close in told.items()}
    known = EngineVitals(
        told=closes, newest=max(closes.values()), newest_at=NOW - round(newest_s * SECOND),
        members=dict.fromkeys(("sim:A", "sim:B"), NOW - 33 * SECOND), members_to=max(closes.values()),
    )  # fmt: skip
    wait = desk_wait(known, NOW)
    assert wait is not None
    assert wait.slowest == slowest
    assert wait.seconds == pytest.approx(seconds)


def test_the_desk_waits_for_the_control_key_too() -> None:
    known = EngineVitals(
        told={"sim:A": TS}, newest=TS, newest_at=NOW, members={"sim:A": NOW}, members_to=TS - 180 * SECOND
    )
    assert desk_wait(known, NOW) == (CONTROL, 120.0)
    assert desk_wait(EngineVitals(), NOW) is None


def test_all_is_well() -> None:
    found = engine({CONTROL: key(0.1), "sim:A": key(0.1)}, sources={"tape": (0.1, ["sim:A"])})
    assert wrong(found, vitals("store"), vitals("supervisor")) == {}
    names = [check.name for check in checks([found, vitals("store")], NOW, LIMITS)]
    assert names == ["engine", "store", "lag", "instruments", "desk", "ingesters"]


def test_stages_that_do_not_run_are_told() -> None:
    assert wrong(vitals("api", state="stopped", clock=NOW - 1_000 * SECOND)) == {"api": "is stopped"}
    assert wrong(vitals("api", clock=NOW - 6 * SECOND)) == {"api": "has not been heard of for 6 s"}
    assert wrong(vitals("store", waits_for="database")) == {"store": "has waited for the database for 30 s"}
    assert wrong(vitals("api", workers=2)) == {"api": "1 of 2 workers are there"}


def test_each_reason_is_named() -> None:
    found = engine(
        {CONTROL: key(0.1), **{f"sim:{name}": key(0.1) for name in "ABC"}, "sim:D": key(20.0)},
        sources={"tape": (15.0, [])},
    )
    assert found.engine is not None
    found.engine.unready = {"sim:A": "rsi_14 not known yet"}
    found.engine.stale = {"sim:A", "sim:B"}
    found.engine.told = {**found.engine.told, "sim:D": TS - 120 * SECOND}
    del found.engine.told["sim:C"]
    found.partitions["market.events[1]"] = PartitionVitals(following=3, end=2_003, lag_ms=None)
    found.partitions["market.events[2]"] = PartitionVitals(following=3, end=4, lag_ms=12_000)
    assert wrong(found) == {
        "lag": "market.events[1] has 2,000 messages to go; market.events[2] has 1 messages to go and is 12 s late",
        "instruments": "sim:A: its book is out of sequence, rsi_14 not known yet; sim:B: its book is out of sequence; "
        "sim:C: nothing has closed yet",
        "desk": "has waited 100 s for sim:C",
        "ingesters": "tape has been silent for 15 s; sim:D has been silent for 20 s",
    }


def test_only_a_few_of_many_are_named() -> None:
    found = engine({CONTROL: key(), **{f"sim:{number}": key(60.0) for number in range(512)}})
    assert wrong(found)["ingesters"].endswith("; sim:4 has been silent for 60 s; and 507 more")
