from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import ListOffsetsResultInfo
from confluent_kafka.admin._metadata import ClusterMetadata, PartitionMetadata, TopicMetadata

from flows.doctor.kafka import check_topics, check_writers_clock, examine_kafka
from flows.embedded.broker import EmbeddedBroker
from flows.settings import KafkaSettings, Settings
from schemas.time import SECOND
from schemas.topics import BY_NAME, LOG
from sinks.errors import SinkError

NOW = 1_700_000_000 * SECOND
REFUSED = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))


class StubClient:
    def __init__(self, newest: int | KafkaException) -> None:
        self._newest = newest

    def list_offsets(self, asked: dict[Any, Any], **_: Any) -> dict[Any, Future[ListOffsetsResultInfo]]:
        future: Future[ListOffsetsResultInfo] = Future()
        if isinstance(self._newest, KafkaException):
            future.set_exception(self._newest)
        else:
            future.set_result(ListOffsetsResultInfo(5, self._newest, 0))
        return dict.fromkeys(asked, future)


def client(newest: int | KafkaException = 0) -> AdminClient:
    """Answers with one record's time stamp (ms), or with an error."""
    return cast(AdminClient, StubClient(newest))


def seen(*topics: str) -> ClusterMetadata:
    metadata, topic = ClusterMetadata(), TopicMetadata()
    topic.partitions = {0: PartitionMetadata(), 1: PartitionMetadata()}
    metadata.topics = dict.fromkeys(topics, topic)
    return metadata


def answering(plain: list[str], keep: list[str] | None = None) -> Callable[..., list[str]]:
    return lambda *_, **options: (plain if keep is None else keep) if options.get("keep") else plain


def refusing(*_: Any, **__: Any) -> list[str]:
    raise SinkError("topic market.events: its settings cannot be read: not allowed")


def test_missing_topics_are_named() -> None:
    finding = check_topics(client(), seen(*list(BY_NAME)[1:]), Settings())
    assert (finding.state, finding.found, finding.advice) == ("bad", f"missing: {LOG}", "candlewick topics create")


@pytest.mark.parametrize(
    ("differences", "state", "found"),
    [
        (answering([]), "ok", f"all {len(BY_NAME)} as registered"),
        (
            answering(["a: retention.ms is -1, expected 5"], []),
            "ok",
            f"all {len(BY_NAME)} as registered, kept for ever",
        ),
        (
            answering([f"{name}: wrong" for name in "abcdef"]),
            "bad",
            "a: wrong; b: wrong; c: wrong; d: wrong and 2 more",
        ),
        (refusing, "warn", "topic market.events: its settings cannot be read: not allowed"),
    ],
)
def test_topics_are_held_against_the_registry(
    monkeypatch: pytest.MonkeyPatch, differences: Callable[..., list[str]], state: str, found: str
) -> None:
    monkeypatch.setattr("flows.doctor.kafka.differences", differences)
    finding = check_topics(client(), seen(*BY_NAME), Settings())
    assert (finding.state, finding.found) == (state, found)


@pytest.mark.parametrize(
    ("newest", "state", "found"),
    [
        (-1, "ok", "no record yet, or the broker does not tell"),
        (NOW // 1_000_000, "ok", "newest record 2023-11-14T22:13:20Z"),
        (NOW // 1_000_000 - 10**9, "ok", "newest record 2023-11-03T08:26:40Z"),
        (NOW // 1_000_000 + 7_500, "warn", "2023-11-14T22:13:27.5Z, is 7.5 s ahead of this machine"),
        (REFUSED, "warn", "the broker does not tell its newest record: Broker: Topic authorization failed"),
    ],
)
def test_the_clock_of_who_writes_to_the_log(newest: int | KafkaException, state: str, found: str) -> None:
    finding = check_writers_clock(client(newest), seen(LOG), NOW)
    assert (finding.state, found in finding.found) == (state, True)


def test_no_log_no_clock() -> None:
    assert check_writers_clock(client(), seen(), NOW).found == "not checked, because market.events is missing"


def test_a_broker_that_is_there() -> None:
    with EmbeddedBroker() as broker:
        settings = Settings(profile="embedded", kafka=KafkaSettings(bootstrap=broker.bootstrap))
        findings = examine_kafka(settings)
    assert [(finding.check, finding.state) for finding in findings] == [
        ("kafka", "ok"), ("topics", "ok"), ("clock of the log", "ok"),
    ]  # fmt: skip
    assert broker.bootstrap in findings[0].found


def test_a_broker_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.doctor.kafka._PATIENCE_S", 0.3)
    broker, *others = examine_kafka(Settings(kafka=KafkaSettings(bootstrap="127.0.0.1:1")))
    assert broker.state == "bad"
    assert broker.found.startswith("127.0.0.1:1 does not answer: ")
    assert "Connection refused" in broker.found
    assert "kafka.bootstrap" in broker.advice
    assert {other.found for other in others} == {"not checked, because there is no broker"}


def test_client_settings_that_librdkafka_refuses() -> None:
    broken = KafkaSettings(client={"securty.protocol": "ssl", "sasl.password": "hunter2"})
    broker, *others = examine_kafka(Settings(kafka=broken))
    assert broker.found == 'kafka.client: No such configuration property: "securty.protocol"'
    assert [other.state for other in others] == ["bad", "bad"]
