"""Market events into the log, against the embedded broker."""

from collections import Counter
from threading import Event
from typing import Any

import pytest

from flows.embedded.broker import CLIENT, EmbeddedBroker
from flows.ingest import ingest
from schemas.codec import decode_event
from schemas.deadletters import dead_letter
from schemas.market import Heartbeat, Trade
from schemas.partitioner import partition_for
from sinks.errors import SinkError, TooLargeError
from sinks.log_writer import LogWriter
from tests.kafka_tools import put, read_all

Client = dict[str, Any]
T0 = 1_723_161_300_000_000_000


def trade(number: int) -> Trade:
    return Trade(
        instrument_id=f"sim:C{number % 7}/USDT", ts_event=T0 + number, ts_received=T0 + number * 1_000_000,
        price=1.0 + number, size=1.0,
    )  # fmt: skip


def test_every_event_is_in_its_instruments_partition_in_order(embedded_kafka: Client) -> None:
    log = put(embedded_kafka, [], "log.writer")
    events = [trade(number) for number in range(1_000)]
    with LogWriter(embedded_kafka, log=log, in_flight=50) as writer:
        for event in events:
            writer.write(event)
    found = list(read_all(embedded_kafka, log))
    assert Counter(read.kind for read in found) == {"trade": 1_000}
    for name in {event.instrument_id for event in events}:
        own = [read for read in found if read.key == name.encode()]
        assert [decode_event(read.value) for read in own] == [one for one in events if one.instrument_id == name]
        assert [read.ts_ms for read in own] == [one.ts_received // 10**6 for one in events if one.instrument_id == name]
        assert {read.partition for read in own} == {partition_for(name, 4)}


def test_a_record_says_its_type_in_a_header(embedded_kafka: Client) -> None:
    log = put(embedded_kafka, [], "log.types")
    with LogWriter(embedded_kafka, log=log) as writer:
        writer.write(Heartbeat(instrument_id="candlewick:control", ts_event=T0, ts_received=T0, source="test"))
    assert [(read.kind, read.key) for read in read_all(embedded_kafka, log)] == [("heartbeat", b"candlewick:control")]


def test_malformed_input_becomes_a_dead_letter(embedded_kafka: Client) -> None:
    letter = dead_letter("tape.jsonl", 0, 17, 1_723_161_300_000, None, b"{", "input data was truncated")
    with LogWriter(embedded_kafka, log=put(embedded_kafka, [], "log.dead")) as writer:
        writer.reject(letter)
    found = [read for read in read_all(embedded_kafka, "dead_letters") if read.identifier == letter.id]
    assert [(read.key, read.value, read.kind) for read in found] == [(b"tape.jsonl[0]", letter.value, "dead_letter")]


def test_malformed_input_of_any_length_becomes_a_dead_letter(embedded_kafka: Client) -> None:
    line = bytes(range(256)) * 20_000
    letters = [dead_letter("long.jsonl", 0, number, -1, key, line, "x") for number, key in enumerate((None, line))]
    with LogWriter(embedded_kafka, log=put(embedded_kafka, [], "log.long")) as writer:
        for letter in letters:
            writer.reject(letter)
    found = {read.identifier: read.value for read in read_all(embedded_kafka, "dead_letters")}
    assert [found[letter.id] for letter in letters] == [letter.value for letter in letters]


@pytest.mark.parametrize("size", [2_000, 300_000])
def test_an_event_that_is_too_large_is_named_and_the_next_one_written(embedded_kafka: Client, size: int) -> None:
    client = {**embedded_kafka, "message.max.bytes": 1_000}
    event = Heartbeat(instrument_id="sim:A/B", ts_event=T0, ts_received=T0, source="x" * size)
    log = put(embedded_kafka, [], f"log.large.{size}")
    with LogWriter(client, log=log) as writer:
        writer.write(trade(1))
        with pytest.raises(TooLargeError, match=rf"{log}\[\d\]: [\d,]+ bytes of sim:A/B are more than the topic takes"):
            writer.write(event)
        writer.write(trade(8))
    assert [decode_event(read.value) for read in read_all(embedded_kafka, log)] == [trade(1), trade(8)]


@pytest.mark.parametrize("room", [2, 100])
def test_a_stop_does_not_wait_for_a_broker_that_is_away(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    monkeypatch.setattr("sinks.grace.GRACE_S", 0.1)
    stop = Event()
    with EmbeddedBroker() as broker:
        writer = LogWriter({"bootstrap.servers": broker.bootstrap, **CLIENT}, in_flight=room, stop=stop.is_set)
    stop.set()
    missing = f"[{min(room, 3)}3]"  # a full queue may take one more while it is waited for
    with pytest.raises(SinkError, match=rf"market.events: stopped, .* not acknowledged the last {missing} records"):
        ingest(map(trade, range(3)), writer)


def test_a_setting_that_is_none_is_named(embedded_kafka: Client) -> None:
    settings = {**embedded_kafka, "security.protocol": "hunter2", "sasl.password": "hunter2"}
    with pytest.raises(SinkError, match=r'^kafka.client: Invalid value "\*\*\*" for .* "security.protocol"$'):
        LogWriter(settings)


def test_a_log_that_is_not_there(embedded_kafka: Client) -> None:
    with pytest.raises(SinkError, match="no topic nowhere at the broker"):
        LogWriter(embedded_kafka, log="nowhere")
