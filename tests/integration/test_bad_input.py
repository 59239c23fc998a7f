"""What cannot be read becomes a dead letter with its place, and everything else goes on as if it had not been there."""

import json
from base64 import b64decode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer

from schemas.codec import encode
from schemas.market import BookSnapshot, Trade
from schemas.partitioner import partition_for
from schemas.time import HOUR
from tests.integration.golden import Golden
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline
from tests.kafka_tools import limit

pytestmark = pytest.mark.integration

_PARTITIONS = 4
_INSTRUMENT = "sim:BTC/USDT"
_NOW = 1_723_161_600_000_000_000
_FUTURE = Trade(instrument_id=_INSTRUMENT, ts_event=_NOW + HOUR, ts_received=_NOW, price=1.0, size=1.0, trade_id="x")
_HOME = partition_for(_INSTRUMENT, _PARTITIONS)

_POISON: list[tuple[int, bytes | None, bytes | None, str]] = [
    (_HOME, _INSTRUMENT.encode(), b"", "truncated"),
    (_HOME, _INSTRUMENT.encode(), b"\xff\x00 not json", "malformed"),
    (_HOME, _INSTRUMENT.encode(), b'{"type":"trade"}', "instrument_id"),
    (_HOME, _INSTRUMENT.encode(), b'{"type":"no such type"}', "no such type"),
    (_HOME, _INSTRUMENT.encode(), encode(_FUTURE), "future"),
    ((_HOME + 1) % _PARTITIONS, _INSTRUMENT.encode(), b"{}", "partition"),
    (_HOME, None, b"{}", "key"),
    (_HOME, b"\xff\xfe", b"{}", "key"),
    (_HOME, _INSTRUMENT.encode(), None, "truncated"),
]


def test_poison_in_the_log(recording: Path, golden: Golden, brokers: Callable[[], KafkaBroker], tmp_path: Path) -> None:
    """Before the market begins and after it has ended, in every way in which a message can be wrong."""
    pipeline = Pipeline(brokers(), tmp_path, partitions=_PARTITIONS)
    expected = _poison(pipeline)
    pipeline.run("ingest", "--tape", str(recording))
    expected |= _poison(pipeline)
    pipeline.run("run", "--until-end")

    topics = pipeline.read()
    letters = [json.loads(value) for values in topics["dead_letters"].values() for value in values]
    found = {(e["partition"], e["offset"]): e for e in letters if e["topic"] == "market.events"}
    assert found.keys() == expected.keys()
    for place, (value, reason) in expected.items():
        assert reason in found[place]["reason"]
        assert b64decode(found[place]["value"]) == (value or b"")  # a tombstone is an empty value
    for topic in ("features.bars", "features.vectors", "signals.candidates", "signals.published"):
        assert topics[topic] == {identifier: [value] for identifier, value in golden[topic].items()}


def test_a_line_of_a_tape_longer_than_any_message(brokers: Callable[[], KafkaBroker], tmp_path: Path) -> None:
    """Its beginning is kept, with the digest of the whole."""
    pipeline = Pipeline(brokers(), tmp_path, partitions=_PARTITIONS)
    line, tape = b"".join(sha256(b"%d" % n).hexdigest().encode() for n in range(80_000)), tmp_path / "tape.jsonl"
    tape.write_bytes(encode(_FUTURE) + b"\n" + line + b"\n" + encode(_FUTURE) + b"\n")
    pipeline.run("ingest", "--tape", str(tape))
    ((value,),) = pipeline.read()["dead_letters"].values()
    letter = json.loads(value)
    assert (letter["topic"], letter["partition"], letter["offset"]) == (str(tape), 0, 2)
    assert b64decode(letter["value"]) == line[: 1 << 20]
    assert sha256(line).hexdigest() in letter["truncated"]


def test_an_event_larger_than_the_log_takes(brokers: Callable[[], KafkaBroker], tmp_path: Path) -> None:
    """What is around it arrives, in its order, and it is a dead letter that names its instrument."""
    pipeline = Pipeline(brokers(), tmp_path, partitions=_PARTITIONS)
    prices = [int(sha256(b"%d" % n).hexdigest(), 16) / 2**256 + 1 for n in range(80_000)]
    large = BookSnapshot(
        instrument_id=_INSTRUMENT, ts_event=_NOW, ts_received=_NOW,
        bid_prices=prices, bid_sizes=prices, ask_prices=[], ask_sizes=[],
    )  # fmt: skip
    compressible = msgspec.structs.replace(large, bid_sizes=[1.0] * len(prices), bid_prices=[1.0] * len(prices))
    around = [msgspec.structs.replace(_FUTURE, ts_event=_NOW, trade_id=str(number)) for number in range(4)]
    tape = tmp_path / "tape.jsonl"
    tape.write_bytes(b"\n".join(map(encode, [*around[:2], large, around[2], compressible, around[3]])))
    said = pipeline.run("ingest", "--tape", str(tape))
    assert said.splitlines() == ["book_snapshot: 1", "too_large: 1", "trade: 4"]
    assert pipeline.count("market.events") == 5
    ((value,),) = pipeline.read()["dead_letters"].values()
    letter = json.loads(value)
    assert letter["topic"] == _INSTRUMENT
    assert "more than the topic takes" in letter["reason"]
    assert b64decode(letter["value"]) == encode(large)[: 1 << 20]


def test_a_result_that_its_topic_refuses(
    recording: Path, golden: Golden, brokers: Callable[[], KafkaBroker], tmp_path: Path
) -> None:
    """The engine ends with the reason; when the topic takes it again, nothing is missing."""
    pipeline = Pipeline(brokers(), tmp_path, partitions=_PARTITIONS)
    pipeline.run("ingest", "--tape", str(recording))
    limit(pipeline.broker.client, "features.vectors", 300)
    said = pipeline.fail("run", "--until-end", status=1)
    assert "features.vectors[" in said
    assert "not delivered" in said
    assert "Message size too large" in said
    limit(pipeline.broker.client, "features.vectors", 1 << 20)
    pipeline.run("run", "--until-end")
    found = pipeline.read()["features.vectors"]
    assert {identifier: set(values) for identifier, values in found.items()} == {
        identifier: {value} for identifier, value in golden["features.vectors"].items()
    }


def _poison(pipeline: Pipeline) -> dict[tuple[int, int], tuple[bytes | None, str]]:
    """Write each poison; its partition and offset, with its value and what the reason must name."""
    producer = Producer({"bootstrap.servers": pipeline.broker.bootstrap})
    places: dict[tuple[int, int], tuple[bytes | None, str]] = {}
    for partition, key, value, reason in _POISON:

        def delivered(error: object, message: object, told: tuple[bytes | None, str] = (value, reason)) -> None:
            assert error is None
            places[message.partition(), message.offset()] = told  # type: ignore[attr-defined]  # the client has no types

        producer.produce("market.events", value, key, partition, delivered)
    assert producer.flush(10) == 0
    return places
