"""Questions to the broker, and connections that break before the answer."""

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException

from sources.kafka import BrokerAwayError, offset_range

LOST = KafkaError(KafkaError._TRANSPORT)


class Breaking(Consumer):
    """A client whose connection breaks so many times, each time before the answer."""

    def __init__(self, times: int, error: KafkaError = LOST) -> None:
        super().__init__({"bootstrap.servers": "127.0.0.1:1", "group.id": "nobody", "log_level": 0})
        self.asked, self._times, self._error = 0, times, error

    def get_watermark_offsets(self, *_: object, **__: object) -> tuple[int, int]:
        self.asked += 1
        if self.asked <= self._times:
            raise KafkaException(self._error)
        return 3, 9


def test_a_connection_that_breaks_before_the_answer_is_no_answer() -> None:
    assert offset_range(Breaking(2), "t", 0) == (3, 9)


def test_a_broker_that_has_just_started_knows_its_partitions_a_moment_later() -> None:
    assert offset_range(Breaking(20, KafkaError(KafkaError._UNKNOWN_PARTITION)), "t", 0) == (3, 9)


def test_one_that_always_breaks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.kafka.TIMEOUT_S", 0.2)
    with pytest.raises(BrokerAwayError, match=r"t\[0\]: no answer on its offsets"):
        offset_range(Breaking(10**9), "t", 0)


def test_a_refusal_is_not_asked_again() -> None:
    asked = Breaking(100, KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with pytest.raises(BrokerAwayError):
        offset_range(asked, "t", 0)
    assert asked.asked == 1
