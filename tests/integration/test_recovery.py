"""A state that is lost, damaged, saved, or somebody else's; the log and the results under it trimmed."""

import json
import os
import resource
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition

from flows.feeds import recorded_feed
from flows.ingest import ingest
from sinks.clients import admin
from sinks.log_writer import LogWriter
from tests.integration.golden import Golden
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline, Read, until

pytestmark = pytest.mark.integration

PARTITIONS = 2


@pytest.fixture
def empty(brokers: Callable[[], KafkaBroker], tmp_path: Path) -> Pipeline:
    """No log, no results."""
    pipeline = Pipeline(brokers(), tmp_path, partitions=PARTITIONS, epoch_s=0.2)
    pipeline.environment["CANDLEWICK_ENGINE__BATCH_SIZE"] = "200"
    return pipeline


@pytest.fixture
def pipeline(empty: Pipeline, recording: Path) -> Pipeline:
    """A log of the recording, and no results."""
    empty.run("ingest", "--tape", str(recording))
    return empty


@pytest.fixture
def lost(empty: Pipeline, recording: Path) -> Pipeline:
    """The same log, of whose first third there are all results, and no state of the engine that wrote them."""
    items = list(recorded_feed([str(recording)], None).items)
    with LogWriter(empty.broker.client) as log:
        ingest(items[: len(items) // 3], log)
    killed(empty, "features.settle.after", "--until-end", CANDLEWICK_ENGINE__EPOCH_INTERVAL_S="600")
    shutil.rmtree(recovery(empty))
    with LogWriter(empty.broker.client) as log:
        ingest(items[len(items) // 3 :], log)
    return empty


def recovery(pipeline: Pipeline) -> Path:
    return Path(pipeline.environment["CANDLEWICK_ENGINE__RECOVERY_DIR"])


def killed(pipeline: Pipeline, failpoint: str, *arguments: str, **more: str) -> None:
    """An engine that dies by SIGKILL when it comes to ``failpoint``."""
    engine = pipeline.start("run", *arguments, CANDLEWICK_FAILPOINT=failpoint, **more)
    _, errors = engine.communicate(timeout=60)
    assert engine.returncode == -signal.SIGKILL, errors


def trim(pipeline: Pipeline, topic: str, share: float) -> None:
    """Let a topic lose the first part of each partition."""
    asked = admin({"bootstrap.servers": pipeline.broker.bootstrap})
    places = [TopicPartition(topic, at, int(share * end)) for at, end in pipeline.ends(topic).items()]
    for done in asked.delete_records(places).values():
        done.result(10)


def assert_golden(found: Read, golden: Golden) -> None:
    """Each result is there, once in the desk's lane and with one content in the other."""
    for topic, expected in golden.items():
        if topic.startswith("signals."):
            assert found[topic] == {identifier: [value] for identifier, value in expected.items()}, topic
        elif topic != "reference.instruments":
            once = {identifier: set(values) for identifier, values in found[topic].items()}
            assert once == {identifier: {value} for identifier, value in expected.items()}, topic


def test_a_lost_state_is_made_anew_from_a_whole_log(lost: Pipeline, golden: Golden) -> None:
    pipeline = lost
    killed(pipeline, "features.write.after:20")
    shutil.rmtree(recovery(pipeline))
    killed(pipeline, "features.write.after:20", "--rebuild-from", "earliest")
    pipeline.run("run", "--until-end")
    assert_golden(pipeline.read(), golden)
    pipeline.run("run", "--until-end")
    assert json.loads((recovery(pipeline) / "candlewick.json").read_text())["bridge"] is None


def test_a_lost_state_is_made_anew_from_a_log_that_lost_its_beginning(lost: Pipeline, golden: Golden) -> None:
    """What was written stays, and is not written again; what comes after has the golden run's identifiers."""
    pipeline = lost
    before = pipeline.read()
    trim(pipeline, "market.events", 0.15)
    trim(pipeline, "features.books", 0.2)
    said = pipeline.fail("run", status=2)
    assert "holds no state, but there are results" in said
    assert "--rebuild-from earliest" in said
    killed(pipeline, "features.write.after:10", "--rebuild-from", "2024-08-08")
    pipeline.run("run", "--until-end")
    found = pipeline.read()
    for topic, expected in golden.items():
        kept = {identifier: values for identifier, values in before[topic].items() if topic != "features.books"}
        for identifier, values in found[topic].items():
            if topic != "reference.instruments":
                assert len(set(values)) == 1
                assert values[0] == kept.get(identifier, values)[0]
        if topic in ("features.bars", "features.vectors"):
            assert found[topic].keys() == expected.keys(), topic
    for topic in ("features.context", "features.vectors"):
        fresh = golden[topic].keys() & found[topic].keys() - before[topic].keys()
        assert fresh
        assert not [name for one in fresh for name in untold(found[topic][one][0], golden[topic][one])]
    assert all(len(values) == 1 for topic in found if topic.startswith("signals.") for values in found[topic].values())
    pipeline.run("run", "--until-end")
    assert pipeline.read() == found
    assert json.loads((recovery(pipeline) / "candlewick.json").read_text())["bridge"] is None


def test_a_disk_that_fills_up_ends_the_engine_and_a_torn_write_is_an_earlier_state(
    pipeline: Pipeline, golden: Golden
) -> None:
    log = recovery(pipeline) / "part-0.sqlite3-wal"
    engine = pipeline.start("run", CANDLEWICK_ENGINE__BATCH_SIZE="20")
    pipeline.wait_for_results(500, engine)
    until(log.exists, "a first snapshot", engine)
    limit = log.stat().st_size
    resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (limit, limit))
    _, errors = engine.communicate(timeout=30)
    assert engine.returncode == 2
    assert "the state cannot be kept: disk I/O error; nothing is lost" in errors
    assert "Traceback" not in errors

    engine = pipeline.start("run", CANDLEWICK_ENGINE__BATCH_SIZE="20")
    pipeline.wait_for_results(1_000, engine)
    until(log.exists, "another snapshot", engine)
    engine.kill()
    engine.communicate()
    os.truncate(log, int(0.7 * log.stat().st_size))
    pipeline.run("run", "--until-end")
    assert_golden(pipeline.read(), golden)


def test_other_settings_are_gone_on_with_on_request_only(pipeline: Pipeline, golden: Golden) -> None:
    """What was written since the last snapshot stands, though it would be other now."""
    killed(pipeline, "sink.snapshot.after:7", CANDLEWICK_ENGINE__EPOCH_INTERVAL_S="0.05")
    killed(pipeline, "features.write.after:30", CANDLEWICK_ENGINE__EPOCH_INTERVAL_S="600")
    before = pipeline.read()
    other = {"CANDLEWICK_ENGINE__ALLOWED_LATENESS_S": "1.5"}
    assert "allowed_lateness was 2500000000 and is 1500000000" in pipeline.fail("run", status=2, **other)
    pipeline.run("run", "--until-end", "--accept-settings", **other)
    pipeline.run("run", "--until-end", **other)
    found = pipeline.read()
    shutil.rmtree(recovery(pipeline))
    for environment in ({}, other):
        said = pipeline.fail("run", status=2, **environment)
        assert "not all of them are known to be of this program and these settings" in said
    pipeline.run("run", "--until-end", "--rebuild-from", "earliest")
    again = pipeline.read()
    del found["reference.instruments"], again["reference.instruments"]  # compacted: written again
    assert again == found
    del before["reference.instruments"]
    for topic, expected in before.items():
        assert {name: found[topic][name] for name in expected} == expected
    assert found["features.bars"].keys() >= golden["features.bars"].keys()
    assert found["features.vectors"] != {name: [value] for name, value in golden["features.vectors"].items()}


def test_a_second_engine_on_another_host_ends_the_first(pipeline: Pipeline, golden: Golden, tmp_path: Path) -> None:
    """With a directory of its own, and in the middle of the log; not even a feature is written twice."""
    elsewhere = {"CANDLEWICK_ENGINE__RECOVERY_DIR": str(tmp_path / "elsewhere")}
    first = pipeline.start("run", CANDLEWICK_ENGINE__BATCH_SIZE="5")
    pipeline.wait_for_results(500, first)
    second = pipeline.start("run", **elsewhere)
    _, errors = first.communicate(timeout=30)
    assert first.returncode == 2
    assert "another engine" in errors
    assert pipeline.results() < sum(len(golden[topic]) for topic in golden if topic.startswith("features."))
    pipeline.stop(second)
    pipeline.run("run", "--until-end", **elsewhere)
    found = pipeline.read()
    assert_golden(found, golden)
    del found["reference.instruments"]  # compacted
    assert not [name for topic in found.values() for name, values in topic.items() if len(values) > 1]


def test_an_engine_that_lost_its_transaction_alone_may_start_again(pipeline: Pipeline, golden: Golden) -> None:
    """The broker ends one that was open for too long, as it does one of a predecessor."""
    engine = pipeline.start("run", CANDLEWICK_ENGINE__BATCH_SIZE="5")
    pipeline.wait_for_results(1, engine)
    Producer(
        {
            "bootstrap.servers": pipeline.environment["CANDLEWICK_KAFKA__BOOTSTRAP"],
            "transactional.id": "candlewick-signals",
        }
    ).init_transactions(30)
    _, errors = engine.communicate(timeout=60)
    assert engine.returncode == 1
    assert "transaction of candlewick-signals failed" in errors
    pipeline.run("run", "--until-end")
    assert_golden(pipeline.read(), golden)


def test_a_backup_taken_while_the_engine_runs_is_gone_on_with(
    pipeline: Pipeline, golden: Golden, tmp_path: Path
) -> None:
    engine = pipeline.start("run", CANDLEWICK_ENGINE__BATCH_SIZE="20")
    pipeline.wait_for_results(1_000, engine)
    kinds = {"log", "instrument", "control", "desk", "sink"}

    def shown() -> Any:
        return json.loads(pipeline.run("state", "show", "--json"))

    until(lambda: {key["kind"] for key in shown()["keys"]} == kinds, "a snapshot of everything", engine)
    assert "up to epoch" in pipeline.run("state", "backup", str(tmp_path / "backup"))
    assert not [key for key in shown()["keys"] if key["fault"]]
    assert "market.events" in pipeline.run("state", "show")
    assert "can go on with it" in pipeline.run("state", "check")
    assert "is there already" in pipeline.fail("state", "backup", str(tmp_path / "backup"), status=2)
    engine.kill()
    engine.communicate()
    pipeline.run("run", "--until-end")
    before = pipeline.read()
    assert_golden(before, golden)
    shutil.rmtree(recovery(pipeline))
    (tmp_path / "backup").rename(recovery(pipeline))
    pipeline.run("run", "--until-end")
    after = pipeline.read()
    del before["reference.instruments"], after["reference.instruments"]  # compacted: written again
    assert after == before


def test_what_is_trimmed_away_is_named_and_a_state_made_anew_goes_on(
    pipeline: Pipeline, golden: Golden, tmp_path: Path
) -> None:
    """Of a result topic under the sink's read-back, then of the log under the engine."""
    killed(pipeline, "sink.snapshot.after:7", CANDLEWICK_ENGINE__EPOCH_INTERVAL_S="0.05")
    kept = pipeline.count("features.bars")
    pipeline.kill_acknowledged(lambda: pipeline.count("features.bars") > kept)
    before = pipeline.read()["features.bars"]
    trim(pipeline, "features.bars", 1.0)
    for said in (pipeline.fail("run", status=2), pipeline.fail("state", "check", status=1)):
        assert "features.bars[" in said
        assert "are gone, the topic now begins at" in said
    shutil.move(recovery(pipeline), tmp_path / "old")
    pipeline.run("run", "--until-end", "--rebuild-from", "earliest")
    found = pipeline.read()
    bars = found["features.bars"]
    assert before.keys() | bars.keys() == golden["features.bars"].keys()
    assert {bar: values for bar, values in golden["features.bars"].items() if bar in bars} == {
        bar: value for bar, (value,) in bars.items()
    }
    last = {key: max(closes(before, key)) for key in {instrument(value) for (value,) in before.values()}}
    assert all(close >= last[key] for key in last for close in closes(bars, key))
    assert_golden(found, {topic: values for topic, values in golden.items() if topic != "features.bars"})

    shutil.rmtree(recovery(pipeline))
    shutil.move(tmp_path / "old", recovery(pipeline))
    trim(pipeline, "market.events", 0.9)
    said = pipeline.fail("run", status=2)
    assert "market.events[" in said
    assert "are gone, the topic now begins at" in said
    assert "--rebuild-from earliest" in said


def untold(value: bytes, golden: bytes) -> list[str]:
    """The features that differ from the golden run's and are neither missing nor tainted.

    Liquidations are counted since the last vector, and that may be another one. A gap that is flagged is told.
    """
    ours, theirs = json.loads(value), json.loads(golden)
    known, expected = ours.get("features", {}), theirs.get("features", {})
    return [
        name for name, found in known.items()
        if found is not None and name not in ours["tainted"] and not name.startswith("liquidated_")
        and (name, found) != ("members_gap", 1.0)
        and found != pytest.approx(expected.get(name), rel=1e-9)
    ]  # fmt: skip


def instrument(bar: bytes) -> str:
    return str(json.loads(bar)["instrument_id"])


def closes(bars: dict[str, list[bytes]], key: str) -> list[int]:
    return [json.loads(value)["ts_close"] for (value,) in bars.values() if instrument(value) == key]
