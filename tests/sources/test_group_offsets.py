"""A broker that is not ready yet is asked again, one that refuses is not."""

from collections.abc import Iterator
from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from sources.group_offsets import GroupOffsets
from sources.kafka import LogError


class StubConsumer:
    """Answers with what it is given, one after the other."""

    def __init__(self, *answers: int | TopicPartition) -> None:
        self.answers: Iterator[int | TopicPartition] = iter(answers)
        self.committed_to: list[TopicPartition] = []

    def committed(self, _places: list[TopicPartition], _timeout: float) -> list[TopicPartition]:
        answer = next(self.answers)
        if isinstance(answer, int):
            raise KafkaException(KafkaError(answer))
        return [answer]

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        assert not asynchronous
        self.committed_to = self.committed(offsets, 0)
        return self.committed_to


def group(*answers: int | TopicPartition) -> GroupOffsets:
    return GroupOffsets(cast("Consumer", StubConsumer(*answers)), "mine")


def test_a_coordinator_on_its_way_is_waited_for() -> None:
    passing = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
    assert group(*passing, TopicPartition("t", 1, 5)).committed([TopicPartition("t", 1)]) == {("t", 1): 5}
    group(*passing, TopicPartition("t", 1, 5)).commit([TopicPartition("t", 1, 5)])


def test_where_nothing_was_committed_nothing_is_said() -> None:
    assert group(TopicPartition("t", 1)).committed([TopicPartition("t", 1)]) == {}


def test_a_refusal_names_the_group() -> None:
    with pytest.raises(LogError, match=r"offsets of group mine: .*[Aa]uthorization failed"):
        group(KafkaError.GROUP_AUTHORIZATION_FAILED).committed([TopicPartition("t", 1)])
