"""Both lanes where only a real broker will do: transactions, trimmed topics, outages."""

import secrets
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka import Producer

from schemas.topics import Outgoing
from sinks.errors import ContradictionError, SinkError
from sinks.kafka import LAYOUT, KafkaFeatures, KafkaSignals
from sinks.log_writer import LogWriter
from sources.kafka import LogError
from sources.results import ResultTopics
from tests.integration.kafka_broker import KafkaBroker
from tests.kafka_tools import limit, make_topic, put, read_all, trim, write

pytestmark = pytest.mark.integration

TS_MS = 1_723_161_300_000


def record(topic: str, number: int, value: bytes = b"") -> Outgoing:
    return Outgoing(topic, "a", f"id{number}", value or b"%d" % number, TS_MS)


def lane(name: str, kafka: KafkaBroker, topic: str) -> tuple[Any, str]:
    """A sink and the name of its part."""
    if name == "features":
        return KafkaFeatures(kafka.client, topics=[topic]), "00000"
    return KafkaSignals(kafka.client, topics=[topic], transactional_id=topic), "signals"


LANES = pytest.mark.parametrize("name", ["features", "signals"])


@LANES
def test_another_content_under_an_identifier_stops_the_engine(kafka: KafkaBroker, name: str) -> None:
    topic = make_topic(kafka.client, name, 1)
    sink, part = lane(name, kafka, topic)
    write(sink.build_part("out", part, None), [record(topic, 0), record(topic, 1)])
    with pytest.raises(ContradictionError, match=rf"{name}\.\w+\[0\]@1: identifier id1 has other content"):
        write(sink.build_part("out", part, None), [record(topic, 0), record(topic, 1, b"other")])


@LANES
def test_a_topic_that_does_not_reach_back_far_enough_is_refused(kafka: KafkaBroker, name: str) -> None:
    topic = make_topic(kafka.client, name, 1)
    sink, part = lane(name, kafka, topic)
    first = sink.build_part("out", part, None)
    write(first, [record(topic, 0)])
    state = first.snapshot()
    write(first, [record(topic, number) for number in range(1, 5)])
    trim(kafka.client, topic, 3)
    with pytest.raises(SinkError, match=rf"{name}\.\w+\[0\]: offsets \d to 2 are gone, the topic now begins at 3"):
        sink.build_part("out", part, state)


@LANES
def test_who_has_read_a_topic_to_its_end_goes_on_when_it_is_emptied(kafka: KafkaBroker, name: str) -> None:
    """Of a transaction a mark remains behind its last record, which neither engine nor store have read."""
    topic = make_topic(kafka.client, name, 1)
    sink, part = lane(name, kafka, topic)
    first = sink.build_part("out", part, None)
    write(first, [record(topic, 0), record(topic, 1)])
    state = first.snapshot()
    sink.build_part("out", part, state)  # which waits for the mark
    transactional = [topic] if name == "signals" else []
    trim(kafka.client, topic, 3 if transactional else 2)
    sink.build_part("out", part, state)
    assert lost(kafka, topic, 2, transactional) == []
    assert "offsets 1 to" in str(lost(kafka, topic, 1, transactional)[0])
    if transactional:
        assert "offsets 2 to 2 are gone" in str(lost(kafka, topic, 2, [])[0])


def lost(kafka: KafkaBroker, topic: str, offset: int, transactional: list[str]) -> list[LogError]:
    """Why a reader of results does not go on at ``offset``."""
    said: list[LogError] = []
    source = ResultTopics(
        kafka.client, [topic], {(topic, 0): offset}, stop=lambda: False, failed=said.append, until_end=True,
        transactional=transactional,
    )  # fmt: skip
    with closing(source.build_part("out", "results", None)) as part, pytest.raises(StopIteration):
        part.next_batch()
    return said


@LANES
def test_a_broker_that_crashes_under_a_batch_only_delays_it(kafka: KafkaBroker, name: str) -> None:
    topic = make_topic(kafka.client, name, 1)
    sink, part_name = lane(name, kafka, topic)
    part = sink.build_part("out", part_name, None)
    write(part, [record(topic, 0)])
    kafka.kill()
    with ThreadPoolExecutor(max_workers=1) as pool:
        written: Future[None] = pool.submit(write, part, [record(topic, number) for number in range(1, 100)])
        kafka.start()
        written.result(60)
    kafka.recover()  # for the tests that come next
    assert [read.identifier for read in read_all(kafka.client, topic)] == [f"id{number}" for number in range(100)]


@LANES
def test_a_part_that_is_made_while_the_broker_is_away_waits_for_it(kafka: KafkaBroker, name: str) -> None:
    topic = make_topic(kafka.client, name, 1)
    sink, part_name = lane(name, kafka, topic)
    state = sink.build_part("out", part_name, None).snapshot()
    kafka.kill()
    with ThreadPoolExecutor(max_workers=1) as pool:
        made: Future[Any] = pool.submit(sink.build_part, "out", part_name, state)
        kafka.start()
        write(made.result(60), [record(topic, 0)])
    kafka.recover()
    assert [read.identifier for read in read_all(kafka.client, topic)] == ["id0"]


@LANES
def test_a_broker_that_stays_away_ends_the_engine_with_a_reason(kafka: KafkaBroker, name: str) -> None:
    topic = make_topic(kafka.client, name, 1)
    sink, part_name = lane(name, kafka, topic)
    state = sink.build_part("out", part_name, None).snapshot()
    if name == "features":
        sink = KafkaFeatures(kafka.client, topics=[topic], delivery_timeout_s=2)
    else:
        sink = KafkaSignals(kafka.client, topics=[topic], transactional_id=topic, delivery_timeout_s=2)
    part = sink.build_part("out", part_name, state)
    kafka.pause()
    try:
        with pytest.raises(SinkError, match=rf"{name}\.\w+.*([Tt]imed out|timeout)"):
            write(part, [record(topic, 0)])
    finally:
        kafka.recover()


@LANES
def test_a_record_that_its_topic_refuses_is_offered_once(kafka: KafkaBroker, name: str) -> None:
    topic = make_topic(kafka.client, name, 1)
    limit(kafka.client, topic, 300)
    sink, part_name = lane(name, kafka, topic)
    part = sink.build_part("out", part_name, None)
    with pytest.raises(SinkError, match=rf"{topic}\[0\]: not delivered: Broker: Message size too large"):
        write(part, [record(topic, 0, secrets.token_bytes(600))])


@LANES
def test_a_stop_does_not_wait_for_a_broker_that_is_away(
    kafka: KafkaBroker, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("sinks.grace.GRACE_S", 0.1)
    topic, stop = make_topic(kafka.client, name, 1), threading.Event()
    sink: Any
    if name == "features":
        sink = KafkaFeatures(kafka.client, topics=[topic], stop=stop.is_set)
    else:
        sink = KafkaSignals(kafka.client, topics=[topic], transactional_id=topic, stop=stop.is_set)
    part_name = "signals" if name == "signals" else "00000"
    part = sink.build_part("out", part_name, None)
    write(part, [record(topic, 0)])
    kafka.pause()
    try:
        stop.set()
        with pytest.raises(SinkError, match=rf"{name}\.\w+: stopped, and the broker has not acknowledged"):
            write(part, [record(topic, 1)])
    finally:
        kafka.recover()
    sink, part_name = lane(name, kafka, topic)
    write(sink.build_part("out", part_name, None), [record(topic, number) for number in range(3)])
    assert {read.identifier for read in read_all(kafka.client, topic)} == {"id0", "id1", "id2"}


def test_the_log_writer_says_what_could_not_be_delivered(kafka: KafkaBroker) -> None:
    log, letters = make_topic(kafka.client, "log", 1), make_topic(kafka.client, "dead", 1)
    writer = LogWriter(kafka.client, log=log, dead_letters=letters, delivery_timeout_s=1)
    kafka.pause()
    try:
        writer.reject(Outgoing(letters, "a", "id", b"x", TS_MS))
        with pytest.raises(SinkError, match=r"dead\.\w+\[0\]: not delivered: .*timed out"):
            writer.flush()
    finally:
        kafka.recover()


def test_a_transaction_that_is_still_open_is_waited_for(kafka: KafkaBroker) -> None:
    topic = make_topic(kafka.client, "signals", 1)
    other = Producer({**kafka.client, "transactional.id": f"{topic}-other"})
    other.init_transactions(10)
    other.begin_transaction()
    other.produce(topic, b"0", "a", 0, headers=[("id", b"id0")])
    other.flush(10)
    sink, name = lane("signals", kafka, topic)
    with ThreadPoolExecutor(max_workers=1) as pool:
        built = pool.submit(sink.build_part, "out", name, None)
        waited = threading.Event()
        assert not waited.wait(0.3)
        assert not built.done()
        other.commit_transaction(10)
        write(built.result(30), [record(topic, 0), record(topic, 1)])
    assert [read.identifier for read in read_all(kafka.client, topic)] == ["id0", "id1"]


@pytest.mark.parametrize("early", [False, True])
def test_a_predecessor_is_fenced_and_its_open_transaction_aborted(kafka: KafkaBroker, early: bool) -> None:
    topic = make_topic(kafka.client, "signals", 1)
    zombie = Producer({**kafka.client, "transactional.id": topic})
    zombie.init_transactions(10)
    zombie.begin_transaction()
    zombie.produce(topic, b"0", "a", 0, headers=[("id", b"id0")])
    zombie.flush(10)
    sink = KafkaSignals(kafka.client, topics=[topic], transactional_id=topic, early=early)
    write(sink.build_part("out", "signals", None), [record(topic, 0)])
    write(sink.build_part("out", "signals", None), [record(topic, 0), record(topic, 1)])
    assert [read.offset for read in read_all(kafka.client, topic)] == [2, 4]  # behind messages and markers


def test_signals_are_written_in_one_process_only(kafka: KafkaBroker) -> None:
    topic = make_topic(kafka.client, "signals", 1)
    first = KafkaSignals(kafka.client, topics=[topic], transactional_id=topic, early=True)
    other = KafkaSignals(kafka.client, topics=[topic], transactional_id=topic, here=False, early=True)
    assert (first.list_parts(), other.list_parts()) == (["signals"], [])
    write(first.build_part("out", "signals", None), [record(topic, 0)])  # the other one has not fenced it
    assert [read.identifier for read in read_all(kafka.client, topic)] == ["id0"]


def test_messages_without_an_identifier_are_not_the_engines(kafka: KafkaBroker) -> None:
    topic = make_topic(kafka.client, "features", 1)
    put(kafka.client, [(b"a", b"foreign", 0, TS_MS)], topic)
    sink, name = lane("features", kafka, topic)
    part = sink.build_part("out", name, None)
    write(part, [record(topic, 0)])
    assert LAYOUT.unseal(part.snapshot())["following"] == [[topic, 0, 2]]
