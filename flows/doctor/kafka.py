"""The broker, its topics, and the clock of who writes to the log."""

import time
from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from flows.doctor.finding import Finding, not_checked
from flows.settings import Settings, kafka_client
from schemas.time import SECOND, to_text
from schemas.topics import BY_NAME, LOG
from sinks.clients import admin, words
from sinks.errors import SinkError
from sinks.kafka_admin import NEWEST, ClusterMetadata
from sinks.topics import differences

__all__ = ["check_broker", "check_topics", "check_writers_clock", "examine_kafka"]

_PATIENCE_S: Final = 4.0
_SHOWN: Final = 4


def examine_kafka(settings: Settings) -> list[Finding]:
    """The findings of this module, in their order."""
    refusals: list[KafkaError] = []
    quiet: Mapping[str, Any] = {"log_level": 0, "error_cb": refusals.append}
    try:
        client = admin({**kafka_client(settings), **quiet})
    except SinkError as error:
        broken = Finding("kafka", "bad", str(error), "mend the settings under kafka.client")
        return [broken, *(not_checked(name, "kafka.client is wrong") for name in ("topics", "clock of the log"))]
    broker, seen = check_broker(client, settings.kafka.bootstrap, refusals)
    if seen is None:
        return [broker, *(not_checked(name, "there is no broker") for name in ("topics", "clock of the log"))]
    return [broker, check_topics(client, seen, settings), check_writers_clock(client, seen, time.time_ns())]


def check_broker(
    client: AdminClient, bootstrap: str, refusals: list[KafkaError]
) -> tuple[Finding, ClusterMetadata | None]:
    """Whether a broker answers, and what it says of its cluster.

    Parameters:
        refusals: what the client's error callback was told.
    """
    try:
        seen = client.list_topics(timeout=_PATIENCE_S)
    except KafkaException as error:
        client.poll(0)  # for the callbacks
        reason = refusals[0].str() if refusals else words(error)
        advice = "start Kafka there, or set kafka.bootstrap (and kafka.client for TLS or SASL); `make demo` needs none"
        return Finding("kafka", "bad", f"{bootstrap} does not answer: {reason}", advice), None
    brokers = ", ".join(f"{broker.id} at {broker.host}:{broker.port}" for broker in seen.brokers.values())
    return Finding("kafka", "ok", f"cluster {seen.cluster_id}, brokers: {brokers}"), seen


def check_topics(client: AdminClient, seen: ClusterMetadata, settings: Settings) -> Finding:
    """Whether the topics are there, and as the registry has them."""
    missing = [name for name in BY_NAME if name not in seen.topics]
    if missing:
        return Finding("topics", "bad", f"missing: {', '.join(missing)}", "candlewick topics create")
    if settings.profile == "embedded":  # its broker does not tell how its topics are set
        return Finding("topics", "ok", f"all {len(BY_NAME)} are there")
    try:
        lines = differences(client, partitions=settings.kafka.partitions)
        kept = bool(lines) and differences(client, partitions=settings.kafka.partitions, keep=True) == []
    except SinkError as error:
        return Finding("topics", "warn", str(error), "let this client describe topics, or check them by hand")
    if lines and not kept:
        more = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
        advice = "set kafka.partitions to what is there, or change the topics with Kafka's own tools"
        return Finding("topics", "bad", "; ".join(lines[:_SHOWN]) + more, advice)
    return Finding("topics", "ok", f"all {len(BY_NAME)} as registered{', kept for ever' if kept else ''}")


def check_writers_clock(client: AdminClient, seen: ClusterMetadata, now: int) -> Finding:
    """Whether the log's newest record is from our future (``now`` in ns): its writer's clock or ours is wrong."""
    check = "clock of the log"
    if LOG not in seen.topics:
        return not_checked(check, f"{LOG} is missing")
    asked = {TopicPartition(LOG, number): NEWEST for number in seen.topics[LOG].partitions}
    try:
        answers = [each.result() for each in client.list_offsets(asked, request_timeout=_PATIENCE_S).values()]
    except KafkaException as error:
        return Finding(check, "warn", f"the broker does not tell its newest record: {words(error)}")
    newest = max((answer.timestamp for answer in answers), default=-1) * 1_000_000
    if newest < 0:
        return Finding(check, "ok", "no record yet, or the broker does not tell")
    ahead = (newest - now) / SECOND
    if ahead > 1:
        found = f"the newest record, {to_text(newest)}, is {ahead:.1f} s ahead of this machine"
        return Finding(check, "warn", found, "synchronise the clocks of ingest and of this machine (chrony, NTP)")
    return Finding(check, "ok", f"newest record {to_text(newest)}")
