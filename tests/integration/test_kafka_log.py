"""The log's source where only a real broker will do: messages that are gone, and transactions."""

from typing import Any

import pytest
from confluent_kafka import Producer

from sources.log import LAYOUT, KafkaLog, LogError
from tests.integration.kafka_broker import KafkaBroker
from tests.kafka_tools import grow, make_topic, put, trim

pytestmark = pytest.mark.integration

KEY, TS_MS = b"sim:A/USDT", 1_723_161_300_000
PART = "00000"


def drain(part: Any) -> list[bytes]:
    values = []
    while True:
        try:
            values += [message[2] for _, batch in part.next_batch() for message in batch.messages]
        except StopIteration:
            return values


def test_messages_that_are_gone_are_not_passed_over(kafka: KafkaBroker) -> None:
    topic = make_topic(kafka.client, "log", 1)
    put(kafka.client, ((KEY, b"%d" % i, 0, TS_MS) for i in range(100)), topic)
    log = KafkaLog(kafka.client, topic=topic, batch_size=10, until_end=True)
    trim(kafka.client, topic, 30)
    reason = r"log\.\w+\[0\]: offsets 20 to 29 are gone, the topic now begins at 30: .* `candlewick run --rebuild-from"
    with pytest.raises(LogError, match=reason):
        log.build_part("log", PART, LAYOUT.seal({"partitions": 1, "offset": 20, "stamp_ms": 0}))
    assert drain(log.build_part("log", PART, LAYOUT.seal({"partitions": 1, "offset": 30, "stamp_ms": 0}))) == [
        b"%d" % i for i in range(30, 100)
    ]
    assert len(drain(log.build_part("log", PART, None))) == 70


def test_messages_that_go_while_they_are_waited_for_end_the_engine(kafka: KafkaBroker) -> None:
    topic = make_topic(kafka.client, "log", 1)
    put(kafka.client, ((KEY, b"x" * 1_000, 0, TS_MS) for _ in range(5_000)), topic)
    # So little is fetched ahead that most of the log is still to be asked for when it goes.
    client = {**kafka.client, "queued.max.messages.kbytes": 64, "fetch.message.max.bytes": 20_000}
    part = KafkaLog(client, topic=topic, batch_size=10).build_part("log", PART, None)
    while not part.next_batch():
        pass
    trim(kafka.client, topic, 4_999)
    with pytest.raises(LogError, match=r"log\.\w+\[0\]: offsets \d+ to 4998 are gone, the topic now begins at 4999"):
        drain(part)


def test_aborted_messages_are_not_read_and_the_end_is_reached_behind_them(kafka: KafkaBroker) -> None:
    topic = make_topic(kafka.client, "log", 1)
    producer = Producer({**kafka.client, "transactional.id": topic})
    producer.init_transactions(10)
    for value, end in ((b"kept", producer.commit_transaction), (b"not", producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(topic, value, KEY, 0)
        producer.flush(10)
        end(10)
    part = KafkaLog(kafka.client, topic=topic, until_end=True).build_part("log", PART, None)
    assert drain(part) == [b"kept"]
    assert LAYOUT.unseal(part.snapshot())["offset"] == 4  # two messages and two markers


def test_a_topic_that_gets_more_partitions_is_read_no_further(kafka: KafkaBroker) -> None:
    topic = make_topic(kafka.client, "log", 1)
    put(kafka.client, [(KEY, b"x", 0, TS_MS)], topic)
    part = KafkaLog(kafka.client, topic=topic).build_part("log", PART, None)
    while not part.next_batch():
        pass
    grow(kafka.client, topic, 3)
    with pytest.raises(LogError, match=r"topic log\.\w+ has 3 partitions now and had 1: instruments move"):
        drain(part)
    part.close()
