"""The log's source against the embedded broker; what only a real one does is in tests/integration."""

import secrets
from collections.abc import Iterable
from typing import Any

import pytest

import sources.kafka
from schemas.batches import Batch, Rejected
from schemas.layouts import Layout, LayoutError
from schemas.partitioner import partition_for
from sources.log import LAYOUT, KafkaLog, LogError
from tests.kafka_tools import put

PARTITIONS = 4
KEYS = [f"sim:C{number}/USDT" for number in range(8)]
TS_MS = 1_723_161_300_000

Client = dict[str, Any]
Message = tuple[bytes | None, bytes | None, int, int]
"""Key, value, partition, time stamp in ms."""


def fill(client: Client, messages: Iterable[Message]) -> str:
    """A new topic with ``messages``."""
    return put(client, messages, f"log.{secrets.token_hex(4)}")


def home(key: str) -> int:
    return partition_for(key, PARTITIONS)


def regular(count: int, begin: int = 0) -> list[Message]:
    keys = [KEYS[i % len(KEYS)] for i in range(begin, begin + count)]
    return [(key.encode(), b"%d" % i, home(key), TS_MS + i) for i, key in enumerate(keys, begin)]


def drain(part: Any) -> list[tuple[str, Batch | Rejected]]:
    items = []
    while True:
        try:
            items += part.next_batch()
        except StopIteration:
            return items


def read(
    log: KafkaLog, states: dict[str, bytes] | None = None
) -> tuple[list[tuple[str, Batch | Rejected]], dict[str, bytes]]:
    """Everything up to the end, and where the parts are then."""
    items, after = [], {}
    for name in log.list_parts():
        part = log.build_part("log", name, (states or {}).get(name))
        items += drain(part)
        after[name] = part.snapshot()
        part.close()
    return items, after


def values(items: list[tuple[str, Batch | Rejected]], key: str) -> list[bytes]:
    return [m[2] for name, batch in items if name == key and isinstance(batch, Batch) for m in batch.messages]


def test_groups_by_key_in_the_order_of_the_partition(embedded_kafka: Client) -> None:
    topic = fill(embedded_kafka, regular(400))
    items, states = read(KafkaLog(embedded_kafka, topic=topic, batch_size=30, until_end=True))
    for number, key in enumerate(KEYS):
        assert values(items, key) == [b"%d" % i for i in range(number, 400, len(KEYS))]
    for name, batch in items:
        assert isinstance(batch, Batch)
        assert (batch.key, batch.partition) == (name, home(name))
        assert all(ts_ms == TS_MS + int(value) for _, ts_ms, value in batch.messages)
    assert sum(LAYOUT.unseal(state)["offset"] for state in states.values()) == 400


def test_goes_on_where_a_snapshot_was_taken(embedded_kafka: Client) -> None:
    topic = fill(embedded_kafka, regular(200))
    log = KafkaLog(embedded_kafka, topic=topic, batch_size=7, until_end=True)
    for name in log.list_parts():
        whole = drain(log.build_part("log", name, None))
        first = log.build_part("log", name, None)
        begun: list[tuple[str, Batch | Rejected]] = []
        while whole and not begun:
            begun = first.next_batch()
        rest = drain(log.build_part("log", name, first.snapshot()))
        for key in KEYS:
            assert values([*begun, *rest], key) == values(whole, key)


def test_ends_where_the_end_was_and_goes_on_from_there(embedded_kafka: Client) -> None:
    topic = fill(embedded_kafka, regular(80))
    log = KafkaLog(embedded_kafka, topic=topic, until_end=True)
    parts = {name: log.build_part("log", name, None) for name in log.list_parts()}
    put(embedded_kafka, regular(80, begin=80), topic)
    early = [item for part in parts.values() for item in drain(part)]
    late, _ = read(log, {name: part.snapshot() for name, part in parts.items()})
    assert sum(len(batch.messages) for _, batch in early) == 80
    for key in KEYS:
        assert values([*early, *late], key) == [value for k, value, *_ in regular(160) if k == key.encode()]


def test_what_belongs_nowhere_is_handed_on_with_its_reason(embedded_kafka: Client) -> None:
    right = KEYS[0]
    partition = home(right)
    wrong = next(key for key in KEYS if home(key) != partition)
    bad = [b"", None, b"\xff\xfe", wrong.encode(), b"x" * 513]
    messages: list[Message] = [(right.encode(), b"first", partition, TS_MS)]
    messages += [(key, b"%d" % i, partition, TS_MS) for i, key in enumerate(bad)]
    messages += [(right.encode(), None, partition, TS_MS)]
    items, _ = read(KafkaLog(embedded_kafka, topic=fill(embedded_kafka, messages), until_end=True))
    assert values(items, right) == [b"first", b""]
    rejected = [(name, batch) for name, batch in items if isinstance(batch, Rejected)]
    topic = rejected[0][1].topic
    assert {name for name, _ in rejected} == {f"dead:{topic}:{partition:05d}"}
    found = [message for _, batch in rejected for message in batch.messages]
    assert [(offset, value) for offset, _, _, value, _ in found] == [(i + 1, b"%d" % i) for i in range(5)]
    assert [key or b"" for _, _, key, _, _ in found] == [key or b"" for key in bad]
    reasons = [reason for *_, reason in found]
    assert "missing" in reasons[0]
    assert "missing" in reasons[1]
    assert reasons[2] == "the key is not UTF-8: invalid start byte at byte 0"
    assert reasons[3] == f"key {wrong!r} belongs to partition {home(wrong)} of {PARTITIONS}"
    assert "longer than 512 bytes" in reasons[4]


def test_what_belongs_nowhere_and_has_no_time_has_that_of_the_message_before(embedded_kafka: Client) -> None:
    """Whatever is read at once, and wherever a snapshot was taken."""
    right, none = KEYS[0].encode(), 2**45
    partition = home(KEYS[0])
    stamps = [none, TS_MS, none, none, TS_MS + 7, none]
    messages: list[Message] = [(right if stamp != none else b"", b"", partition, stamp) for stamp in stamps]
    topic, name = fill(embedded_kafka, messages), f"{partition:05d}"
    for size in (1, 2, 10):
        log, state, found = KafkaLog(embedded_kafka, topic=topic, batch_size=size, until_end=True), None, list[int]()
        while state is None or LAYOUT.unseal(state)["offset"] < len(stamps):
            part = log.build_part("log", name, state)
            items: list[tuple[str, Batch | Rejected]] = []
            while not items:
                items = part.next_batch()
            state = part.snapshot()
            part.close()
            found += [m[1] for _, batch in items if isinstance(batch, Rejected) for m in batch.messages]
        assert found == [0, TS_MS, TS_MS, TS_MS + 7]


def test_ends_at_once_when_told_to_stop(embedded_kafka: Client) -> None:
    stopped: list[bool] = []
    log = KafkaLog(embedded_kafka, topic=fill(embedded_kafka, regular(40)), stop=lambda: bool(stopped))
    part = log.build_part("log", "00000", None)
    stopped.append(True)
    with pytest.raises(StopIteration):
        part.next_batch()
    assert LAYOUT.unseal(part.snapshot()) == {"partitions": PARTITIONS, "offset": 0, "stamp_ms": 0}


def test_a_part_far_ahead_waits_for_the_others(embedded_kafka: Client) -> None:
    fast, slow = KEYS[0], next(key for key in KEYS if home(key) != home(KEYS[0]))
    messages = [(fast.encode(), b"", home(fast), TS_MS + i * 1_000) for i in range(100)]
    messages += [(slow.encode(), b"", home(slow), TS_MS + i * 1_000) for i in range(100)]
    topic = fill(embedded_kafka, messages)
    log = KafkaLog(embedded_kafka, topic=topic, batch_size=10, max_ahead_s=20, until_end=True)
    parts = {name: log.build_part("log", name, None) for name in log.list_parts()}
    ahead: list[int] = []
    reached = dict.fromkeys(parts, 0)
    alive = dict(parts)
    while alive:
        for name, part in list(alive.items()):
            try:
                for _, batch in part.next_batch():
                    reached[name] = batch.messages[-1][1]
                    ahead.append(abs(reached[f"{home(fast):05d}"] - reached[f"{home(slow):05d}"]))
            except StopIteration:
                del alive[name]
    both = [gap for gap in ahead if gap < TS_MS]  # once both have begun
    assert max(both) <= 30_000  # the bound and a batch
    assert [LAYOUT.unseal(part.snapshot())["offset"] for part in parts.values()].count(100) == 2


def test_begins_at_the_offsets_given(embedded_kafka: Client) -> None:
    topic = fill(embedded_kafka, regular(400))
    log = KafkaLog(embedded_kafka, topic=topic, until_end=True, start={home(KEYS[0]): 5})
    items, _ = read(log)
    assert sum(len(batch.messages) for _, batch in items) == 395


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"partitions": 3}, r"log\.\w+\[0\]: the topic has 4 partitions, recovery state is of 3"),
        ({"offset": 10_000}, r"log\.\w+\[0\]: offset 10000 comes next, but the topic ends at \d+"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(embedded_kafka: Client, change: dict[str, int], reason: str) -> None:
    log = KafkaLog(embedded_kafka, topic=fill(embedded_kafka, regular(40)))
    with pytest.raises(LogError, match=reason):
        log.build_part("log", "00000", LAYOUT.seal({"partitions": 4, "offset": 0, "stamp_ms": 0, **change}))


def test_a_state_of_before_is_read_and_a_newer_one_refused(embedded_kafka: Client) -> None:
    log = KafkaLog(embedded_kafka, topic=fill(embedded_kafka, regular(40)))
    first: Any = {"version": 1, "partitions": 4, "offset": 3}
    for old in (first, Layout("log", 2).seal({"partitions": 4, "offset": 3})):
        state = LAYOUT.unseal(log.build_part("log", "00000", old).snapshot())
        assert state == {"partitions": 4, "offset": 3, "stamp_ms": 0}
    with pytest.raises(LayoutError, match="log state has version 9, newer than 3"):
        log.build_part("log", "00000", Layout("log", 9).seal(None))


def test_no_such_topic(embedded_kafka: Client) -> None:
    with pytest.raises(LogError, match="topic nowhere: there is none at"):
        KafkaLog(embedded_kafka, topic="nowhere")


def test_a_setting_that_is_none_is_named() -> None:
    with pytest.raises(LogError, match=r'^kafka.client: No such configuration property: "securty.protocol"$'):
        KafkaLog({"bootstrap.servers": "127.0.0.1:1", "securty.protocol": "ssl"})


def test_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.kafka, "TIMEOUT_S", 0.1)
    with pytest.raises(LogError, match=r"Kafka at .* does not answer"):
        KafkaLog({"bootstrap.servers": "127.0.0.1:1"})
