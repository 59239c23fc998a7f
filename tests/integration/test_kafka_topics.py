"""Topics made and checked on a real broker."""

import functools
import secrets

import msgspec
import pytest
import typer
from typer.testing import CliRunner

import flows.cli.topics
from schemas.market import Heartbeat
from schemas.time import SECOND
from schemas.topics import TOPICS, Topic
from sinks.clients import admin, existing
from sinks.errors import SinkError
from sinks.log_writer import LogWriter
from sinks.topics import create_topics, differences
from tests.integration.kafka_broker import KafkaBroker

pytestmark = pytest.mark.integration


@pytest.fixture
def registry() -> list[Topic]:
    """The registry under other names, so that tests do not meet."""
    suffix = secrets.token_hex(4)
    return [msgspec.structs.replace(topic, name=f"{topic.name}.{suffix}") for topic in TOPICS]


def test_what_was_made_is_as_it_should_be(kafka: KafkaBroker, registry: list[Topic]) -> None:
    asked = admin(kafka.client)
    assert differences(asked, partitions=3, topics=registry) == [f"{topic.name}: missing" for topic in registry]
    made = create_topics(asked, partitions=3, replication=1, topics=registry)
    assert made == [topic.name for topic in registry]
    assert {existing(asked)[topic.name] for topic in registry} == {1, 3}
    assert differences(asked, partitions=3, topics=registry) == []
    assert create_topics(asked, partitions=3, replication=1, topics=registry) == []


def test_what_differs_is_said(kafka: KafkaBroker, registry: list[Topic]) -> None:
    asked = admin(kafka.client)
    create_topics(asked, partitions=3, replication=1, topics=registry[:1])
    changed = msgspec.structs.replace(registry[0], compacted=True, retention_ms=5)
    name = changed.name
    assert differences(asked, partitions=4, topics=[changed]) == [
        f"{name}: 3 partitions, expected 4",
        f"{name}: cleanup.policy is delete, expected compact",
        f"{name}: retention.ms is 2592000000, expected 5",
    ]
    assert differences(asked, partitions=3, keep=True, topics=registry[:1]) == [
        f"{name}: retention.ms is 2592000000, expected -1"
    ]


def test_what_a_broker_refuses_is_said(kafka: KafkaBroker, registry: list[Topic]) -> None:
    with pytest.raises(SinkError, match=rf"topic {registry[0].name}: not created: .*replication factor"):
        create_topics(admin(kafka.client), partitions=1, replication=3, topics=registry)


def test_the_command(kafka: KafkaBroker, registry: list[Topic], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEWICK_KAFKA__BOOTSTRAP", kafka.bootstrap)
    for function in (create_topics, differences):
        monkeypatch.setattr(flows.cli.topics, function.__name__, functools.partial(function, topics=registry))
    app = typer.Typer()
    app.command()(flows.cli.topics.topics)
    missing = CliRunner().invoke(app, ["check"])
    assert isinstance(missing.exception, SinkError)
    assert str(missing.exception).splitlines() == [f"{topic.name}: missing" for topic in registry]
    made = CliRunner().invoke(app, ["create"])
    assert made.exit_code == 0
    assert made.output.splitlines()[:-1] == [f"created {topic.name}" for topic in registry]
    assert CliRunner().invoke(app, ["check"]).output == f"{kafka.bootstrap}: all topics are as they should be\n"


@pytest.mark.parametrize("keep", [False, True])
def test_an_old_recording_is_refused_where_it_would_be_deleted(
    kafka: KafkaBroker, registry: list[Topic], *, keep: bool
) -> None:
    """Kafka counts retention from a message's time stamp; without retention it stays."""
    then = 1_680_652_800 * SECOND
    old = Heartbeat(instrument_id="sim:A/B", ts_event=then, ts_received=then, source="test")
    names = {topic.name.rpartition(".")[0]: topic.name for topic in registry}
    create_topics(admin(kafka.client), partitions=1, replication=1, keep=keep, topics=registry)
    with LogWriter(kafka.client, log=names["market.events"], dead_letters=names["dead_letters"]) as writer:
        if keep:
            writer.write(old)
        else:
            with pytest.raises(SinkError, match=r"30 days.*2023-04-05T00:00:00Z.*--keep"):
                writer.write(old)
