"""A state that is lost, damaged, saved, or somebody else's; the log and the results under it trimmed."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition

from sinks.clients import admin
from tests.integration.golden import Golden
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline, Read

pytestmark = pytest.mark.integration

PARTITIONS = 2


@pytest.fixture
def pipeline(recording: Path, brokers: Callable[[], KafkaBroker], tmp_path: Path) -> Pipeline:
    """A log of the recording, and no results."""
    pipeline = Pipeline(brokers(), tmp_path, partitions=PARTITIONS, epoch_s=0.2)
    pipeline.environment["CANDLEWICK_ENGINE__BATCH_SIZE"] = "200"
    pipeline.run("ingest", "--tape", str(recording))
    return pipeline


def recovery(pipeline: Pipeline) -> Path:
    return Path(pipeline.environment["CANDLEWICK_ENGINE__RECOVERY_DIR"])


def killed(pipeline: Pipeline, writes: int, *arguments: str) -> None:
    """An engine that dies by SIGKILL after it has written so many batches of features."""
    engine = pipeline.start("run", *arguments, CANDLEWICK_FAILPOINT=f"features.write.after:{writes}")
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


def test_a_lost_state_is_made_anew_from_a_whole_log(pipeline: Pipeline, golden: Golden) -> None:
    killed(pipeline, 30)
    shutil.rmtree(recovery(pipeline))
    killed(pipeline, 20)
    shutil.rmtree(recovery(pipeline))
    killed(pipeline, 20, "--rebuild-from", "earliest")
    pipeline.run("run", "--until-end")
    assert_golden(pipeline.read(), golden)
    pipeline.run("run", "--until-end")
    assert json.loads((recovery(pipeline) / "candlewick.json").read_text())["bridge"] is None


def test_a_lost_state_is_made_anew_from_a_log_that_lost_its_beginning(pipeline: Pipeline, golden: Golden) -> None:
    """What was written stays, and is not written again; what comes after has the golden run's identifiers."""
    killed(pipeline, 60)
    before = pipeline.read()
    shutil.rmtree(recovery(pipeline))
    trim(pipeline, "market.events", 0.15)
    trim(pipeline, "features.books", 0.2)
    said = pipeline.fail("run", status=2)
    assert "holds no state, but there are results" in said
    assert "--rebuild-from earliest" in said
    killed(pipeline, 10, "--rebuild-from", "earliest")
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
    assert all(len(values) == 1 for topic in found if topic.startswith("signals.") for values in found[topic].values())
    pipeline.run("run", "--until-end")
    assert pipeline.read() == found
    assert json.loads((recovery(pipeline) / "candlewick.json").read_text())["bridge"] is None


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
