import random

import pytest
from confluent_kafka import KafkaError, Message, Producer
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.partitioner import murmur2, partition_for


@pytest.mark.parametrize(
    ("data", "expected"),
    [  # Apache Kafka's own, UtilsTest.testMurmur2
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_kafkas(data: bytes, expected: int) -> None:
    assert murmur2(data) == expected % 2**32


@given(key=st.text(st.characters(exclude_categories=["Cs"])), partitions=st.integers(1, 1_024))
@settings(deadline=None)
def test_a_partition_is_one_of_them(key: str, partitions: int) -> None:
    assert 0 <= partition_for(key, partitions) < partitions


def test_librdkafka_puts_keys_where_we_say() -> None:
    """Its murmur2 partitioner, against its own broker in memory, where a new topic has four partitions."""
    partitions = 4
    rng = random.Random(20)  # noqa: S311, no secret
    letters = [chr(code) for code in (*range(32, 127), *range(0x100, 0x200), 0xD7FF, 0x1F56F)]
    keys = ["".join(rng.choices(letters, k=length % 40)) for length in range(2_000)] + ["candlewick:control"]
    placed: dict[str, int | None] = {}

    def note(error: KafkaError | None, message: Message) -> None:
        assert error is None
        placed[(message.key() or b"").decode()] = message.partition()

    producer = Producer({"test.mock.num.brokers": 1, "partitioner": "murmur2", "log_level": 0})
    for key in keys:
        producer.produce("keys", b"", key.encode(), on_delivery=note)
    assert producer.flush(30) == 0
    assert placed == {key: partition_for(key, partitions) for key in keys}
    assert set(placed.values()) == set(range(partitions))
