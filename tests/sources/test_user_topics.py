"""A user's own topics in one order, with a consumer that is told what to fetch when."""

import json
from collections.abc import Iterator, Mapping
from itertools import islice, pairwise
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from schemas.market import InstrumentDefinition, Trade
from schemas.time import DAY, MILLISECOND, SECOND
from sources.errors import SourceError
from sources.kafka import LogError
from sources.malformed import Malformed
from sources.merge import Heard, Item
from sources.user_topics import UserTopics

NOW = 1_723_161_600 * SECOND
NOW_MS = NOW // MILLISECOND
TOPICS = {"trades": "t", "books": "b"}

Stored = tuple[int, bytes | None]
"""Time stamp in ms, value."""


class Listed(Struct):
    """What a broker says of its topics, or of one of them."""

    topics: dict[str, Any] = {}
    partitions: dict[int, None] = {}


class StubConsumer:
    """Serves ``fetch`` messages a call, of one partition after the other, and each end once it is reached.

    A call takes 10 ms of `clock`. Partitions in ``slow`` give nothing, not even their end.
    """

    def __init__(self, stored: Mapping[tuple[str, int], list[Stored]], fetch: int = 7, low: int = 0) -> None:
        self.stored = {place: list(messages) for place, messages in stored.items()}
        self.fetch, self.low = fetch, low
        self.slow: set[tuple[str, int]] = set()
        self.paused: set[tuple[str, int]] = set()
        self.known: dict[tuple[str, int], int] = {}
        self.answers, self.closed = True, False
        self.calls = 0
        self.served = 0
        self._next: dict[tuple[str, int], int] = {}
        self._told: dict[tuple[str, int], int] = {}

    def clock(self) -> int:
        return NOW + self.calls * 10 * MILLISECOND

    def list_topics(self, **_: float) -> Listed:
        if not self.answers:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        listed: dict[str, Listed] = {}
        for topic, partition in self.stored:
            listed.setdefault(topic, Listed(partitions={})).partitions[partition] = None
        return Listed(topics=listed)

    def get_watermark_offsets(self, asked: TopicPartition, _timeout: float) -> tuple[int, int]:
        if not self.answers:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return self.low, self.low + len(self.stored[asked.topic, asked.partition])

    def committed(self, places: list[TopicPartition], _timeout: float) -> list[TopicPartition]:
        return [TopicPartition(p.topic, p.partition, self.known.get((p.topic, p.partition), -1001)) for p in places]

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        assert not asynchronous
        self.known.update({(place.topic, place.partition): place.offset for place in offsets})
        return offsets

    def assign(self, places: list[TopicPartition]) -> None:
        self._next = {(place.topic, place.partition): place.offset for place in places}
        self.paused, self._told = set(), {}

    def pause(self, places: list[TopicPartition]) -> None:
        self.paused |= {(place.topic, place.partition) for place in places}

    def resume(self, places: list[TopicPartition]) -> None:
        self.paused -= {(place.topic, place.partition) for place in places}

    def consume(self, _count: int, _timeout: float) -> list[Message]:
        self.calls += 1
        if not self.answers:
            return []
        for place, messages in self.stored.items():
            if place in self.slow or place in self.paused:
                continue
            at = self._next[place] - self.low
            found = messages[at : at + self.fetch]
            if found:
                self._next[place] += len(found)
                self.served += len(found)
                return [self._message(place, self.low + at + i, *one) for i, one in enumerate(found)]
            if self._told.get(place) != at:
                self._told[place] = at
                end = KafkaError(KafkaError._PARTITION_EOF)
                return [Message(topic=place[0], partition=place[1], offset=self.low + at, error=end)]
        return []

    def close(self) -> None:
        self.closed = True

    @staticmethod
    def _message(place: tuple[str, int], offset: int, ts_ms: int, value: bytes | None) -> Message:
        return Message(topic=place[0], partition=place[1], offset=offset, value=value, timestamp=(1, ts_ms))


def opened(
    stub: StubConsumer, topics: Mapping[str, str] = TOPICS, *, group: str | None = "mine", calls: int = 1_000,
    until_end: bool = True, waiting: int = 100,
) -> UserTopics:  # fmt: skip
    """The topics, read until the end or for so many calls."""
    return UserTopics(
        {"bootstrap.servers": "stub"}, topics, group, lambda: stub.calls >= calls, until_end=until_end,
        waiting=waiting, clock=stub.clock, connect=lambda _: cast("Consumer", stub),
    )  # fmt: skip


def trade(ts_ms: int, name: str = "my:A/B") -> Stored:
    fields = {"instrument_id": name, "ts_event": NOW - DAY, "price": 1, "size": 1}
    return ts_ms, json.dumps(fields).encode()


def quote(ts_ms: int) -> Stored:
    fields = {"type": "quote", "instrument_id": "my:A/B", "ts_event": NOW - DAY, "ts_received": ts_ms * MILLISECOND}
    return ts_ms, json.dumps({**fields, "bid_price": 1, "bid_size": 1, "ask_price": 2, "ask_size": 1}).encode()


def received(items: Iterator[Item] | UserTopics) -> list[int]:
    """The times of receipt, ms before now."""
    return [(item.ts_received - NOW) // MILLISECOND for item in items]


ages = st.lists(st.integers(0, 1_000), max_size=60).map(lambda found: [NOW_MS - age for age in sorted(found)[::-1]])


@given(ages, ages, ages, st.integers(1, 30), st.integers(1, 20))
def test_whatever_is_fetched_first_comes_by_its_time(
    first: list[int], second: list[int], third: list[int], fetch: int, waiting: int
) -> None:
    stored = {("t", 0): list(map(trade, first)), ("t", 1): list(map(trade, second)), ("b", 0): list(map(quote, third))}
    stub = StubConsumer(stored, fetch)
    items = list(opened(stub, waiting=waiting))
    assert received(iter(items)) == [ms - NOW_MS for ms in sorted(first + second + third)]
    assert sum(isinstance(item, Trade) for item in items) == len(first) + len(second)


def test_a_partition_that_may_have_more_holds_the_others_up_and_one_at_its_end_does_not() -> None:
    stub = StubConsumer({("t", 0): [trade(NOW_MS - 9), trade(NOW_MS - 5)], ("b", 0): [quote(NOW_MS - 7)]})
    stub.slow.add(("b", 0))
    assert received(opened(stub, calls=50, until_end=False)) == []
    stub = StubConsumer({("t", 0): [trade(NOW_MS - 9), trade(NOW_MS - 5)], ("b", 0): [quote(NOW_MS - 7)]})
    items = iter(opened(stub, calls=50, until_end=False))
    assert received(islice(items, 3)) == [-9, -7, -5]
    stub.stored["t", 0].append(trade(NOW_MS - 1))
    assert received(item for item in items if not isinstance(item, Heard)) == [-1]


def test_what_waits_is_bounded() -> None:
    stub = StubConsumer(
        {("t", 0): [trade(NOW_MS - 1_000 + n) for n in range(900)], ("b", 0): [quote(NOW_MS - 50)] * 40}, fetch=10
    )
    stub.slow.add(("b", 0))
    items = iter(opened(stub, waiting=50, calls=100, until_end=False))
    assert list(items) == []
    assert stub.served == 50
    assert stub.paused == {("t", 0)}

    stub = StubConsumer(stub.stored, fetch=10)
    handed_out, most = 0, 0
    for _ in opened(stub, waiting=50):
        handed_out += 1
        most = max(most, stub.served - handed_out)
    assert handed_out == 940
    assert most < 2 * (50 + 10)


def test_what_cannot_be_read_keeps_its_place_and_time() -> None:
    stub = StubConsumer({("t", 0): [trade(NOW_MS - 9), (NOW_MS - 8, b"{"), trade(NOW_MS - 7)], ("b", 0): []})
    first, broken, second = opened(stub)
    assert isinstance(broken, Malformed)
    assert (broken.place, broken.raw, broken.ts_received) == ("t[0]@1", b"{", (NOW_MS - 8) * MILLISECOND)
    assert "truncated" in broken.reason
    assert [first.ts_received, second.ts_received] == [(NOW_MS - 9) * MILLISECOND, (NOW_MS - 7) * MILLISECOND]


@pytest.mark.parametrize("ts_ms", [-1, NOW_MS + 10_000])
def test_a_time_stamp_that_cannot_be_does_not_move_time(ts_ms: int) -> None:
    stub = StubConsumer({("t", 0): [trade(NOW_MS - 9), trade(ts_ms), (ts_ms, None), trade(NOW_MS - 7)], ("b", 0): []})
    assert received(opened(stub)) == [-9, -9, -9, -7]


def test_silence_of_all_topics_is_heard_ten_times_a_second() -> None:
    stub = StubConsumer({("t", 0): [trade(NOW_MS - 9)], ("b", 0): []})
    first, *heard = opened(stub, calls=300, until_end=False)
    assert isinstance(first, Trade)
    assert all(isinstance(item, Heard) for item in heard)
    times = [item.ts_received for item in heard]
    assert {after - before for before, after in pairwise(times)} == {100 * MILLISECOND}
    assert len(heard) >= 29


def test_nothing_is_heard_while_the_broker_does_not_answer() -> None:
    stub = StubConsumer({("t", 0): [], ("b", 0): []})
    items = iter(opened(stub, calls=400, until_end=False))
    next(items)
    stub.answers = False
    assert len(list(islice(items, 11))) < 11
    assert stub.calls >= 400


def test_commits_what_was_asked_past_and_goes_on_there() -> None:
    stub = StubConsumer({("t", 0): [trade(NOW_MS - 9), trade(NOW_MS - 8)], ("b", 0): [quote(NOW_MS - 7)]}, low=5)
    topics = opened(stub)
    items = iter(topics)
    next(items)
    topics.commit()
    assert stub.known == {}
    next(items)
    topics.commit()
    assert stub.known == {("t", 0): 6}
    assert (topics.read, topics.size) == (1, 3)
    rest = opened(stub)
    assert received(rest) == [-8, -7]
    rest.commit()
    assert stub.known == {("t", 0): 7, ("b", 0): 6}


def test_without_a_group_all_is_read_and_nothing_committed() -> None:
    stub = StubConsumer({("t", 0): [trade(NOW_MS - 9)], ("b", 0): []})
    stub.known = {("t", 0): 1}
    topics = opened(stub, group=None)
    assert received(topics) == [-9]
    topics.commit()
    assert stub.known == {("t", 0): 1}


@pytest.mark.parametrize(
    ("known", "words"),
    [(3, r"t\[0\]: offsets 3 to 4 are gone"), (9, r"t\[0\]: offset 9 comes next, but the topic ends at 6")],
)
def test_messages_that_are_gone_are_named(known: int, words: str) -> None:
    stub = StubConsumer({("t", 0): [trade(NOW_MS)], ("b", 0): []}, low=5)
    stub.known = {("t", 0): known}
    with pytest.raises(LogError, match=words):
        opened(stub)


def test_a_definition_goes_before_its_instruments_first_record_at_every_start() -> None:
    old = {"instrument_id": "my:A/B", "ts_event": NOW - DAY, "kind": "spot", "base": "A", "quote": "B"}
    definitions = [
        (NOW_MS - 10_000, json.dumps({**old, "instrument_id": name}).encode()) for name in ("my:A/B", "my:C/B")
    ]
    changed = (NOW_MS - 5, json.dumps({**old, "tick_size": 0.1}).encode())
    stub = StubConsumer({
        ("t", 0): [trade(NOW_MS - 9, "my:X/B"), trade(NOW_MS - 7)], ("i", 0): [*definitions, changed],
    })  # fmt: skip
    topics = {"instruments": "i", "trades": "t"}
    for _ in range(2):
        stub.known.clear()
        once = opened(stub, topics)
        items = list(once)
        kinds = [type(item) for item in items]
        assert kinds == [Trade, InstrumentDefinition, Trade, InstrumentDefinition]
        assert received(iter(items)) == [-9, -7, -7, -5]
        once.commit()
        assert stub.known == {("t", 0): 2}


@pytest.mark.parametrize(
    ("topics", "reason"),
    [
        ({}, "no topic: name at least one, by what it holds: trades, books"),
        ({"klines": "t"}, "topics of 'klines' are not known, only of trades, books"),
        ({"trades": "market.events"}, "trades=market.events: that is a topic of Candlewick's own"),
        ({"trades": "t", "books": "t"}, "trades=t: that topic is named twice"),
        ({"trades": "t", "books": "nowhere"}, r"no topic nowhere \(books\) at stub"),
    ],
)
def test_topics_that_cannot_be_used(topics: dict[str, str], reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        opened(StubConsumer({("t", 0): []}), topics)


def test_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.kafka.TIMEOUT_S", 0.1)
    stub = StubConsumer({})
    stub.answers = False
    with pytest.raises(LogError, match="Kafka at stub does not answer"):
        opened(stub)
    assert stub.closed
