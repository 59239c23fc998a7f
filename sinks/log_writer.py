"""How market events get into the log."""

import time
from collections.abc import Callable, Mapping
from functools import cache
from types import TracebackType
from typing import Any, Final, Self, get_args

from confluent_kafka import KafkaError, KafkaException, Message

from schemas.codec import encode
from schemas.market import MarketEvent
from schemas.partitioner import partition_for
from schemas.time import MILLISECOND, to_text
from schemas.topics import LOG, Outgoing
from sinks.clients import admin, partition_counts, producer, producer_settings
from sinks.errors import SinkError, TooLargeError
from sinks.grace import GRACE_S, STEP_S, Grace, never
from sinks.topics import retention_ms

__all__ = ["LogWriter"]

_OLD_MS: Final = 2 * 86_400_000  # younger than this, no log worth the name has deleted it
_POLL_EVERY: Final = 256  # writes; reports are waiting, and count as in flight, until they are taken up
_LARGE: Final = 1 << 18
"""Bytes of an event that goes alone: a broker refuses a whole batch for one record that is too large."""

Headers = list[tuple[str, str | bytes | None]]
Report = Callable[[KafkaError | None, Message], None]
_HEADERS: Final[dict[type, Headers]] = {
    record: [("type", record.__struct_config__.tag.encode())] for record in get_args(MarketEvent)
}


class LogWriter:
    """Writes market events to the log, each once and a partition's in the order given.

    An event counts as written when `flush` has returned. Beyond ``in_flight`` unacknowledged ones `write` waits for the
    broker, so a slow broker slows the caller down and memory stays bounded.

    Parameters:
        client: librdkafka's settings, ``bootstrap.servers`` among them.
        delivery_timeout_s: how long the broker may be away before an event counts as lost, which is an error.
        in_flight: messages.
        stop: once it says true, a broker that does not acknowledge is given up within `GRACE_S`, with a `SinkError`.

    Raises:
        SinkError: the broker does not answer, lacks a topic, or could not take an event (from any later call); or an
            instrument's first event is older than what the log keeps.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        *,
        log: str = LOG,
        dead_letters: str = "dead_letters",
        delivery_timeout_s: float = 300.0,
        in_flight: int = 50_000,
        stop: Callable[[], bool] = never,
    ) -> None:
        self._stop = stop
        self._log = log
        asked = admin(client)
        self._counts = partition_counts(asked, [log, dead_letters])
        self._kept_ms = cache(lambda: retention_ms(asked, log))
        self._places: dict[str, int] = {}
        self._failure: str | None = None
        self._calls = 0
        self._producer = producer({
            "linger.ms": 5,
            **producer_settings(client, delivery_timeout_s),
            "queue.buffering.max.messages": in_flight,
            "delivery.report.only.error": True,  # every report is checked, in C; only failures come up to `_report`
        })  # fmt: skip

    def write(self, event: MarketEvent) -> None:
        """Hand ``event`` to the broker, under its instrument and with the time of its receipt.

        Raises:
            TooLargeError: the log does not take one of this size.
        """
        key = event.instrument_id
        partition = self._places.get(key)
        if partition is None:
            self._check_age(event)
            partition = self._places[key] = partition_for(key, self._counts[self._log])
        value, ts_ms, headers = encode(event), event.ts_received // MILLISECOND, _HEADERS[type(event)]
        if len(value) < _LARGE:
            self._send(self._log, key, partition, value, ts_ms, headers, self._report)
        else:
            self._send_alone(self._log, key, partition, value, ts_ms, headers)

    def reject(self, letter: Outgoing) -> None:
        """Hand on the dead letter of what could not be made an event."""
        partition = partition_for(letter.key, self._counts[letter.topic])
        headers: Headers = [("type", b"dead_letter"), ("id", letter.id.encode())]
        self._send(letter.topic, letter.key, partition, letter.value, letter.ts_ms, headers, self._report)

    def flush(self) -> None:
        """Wait until the broker has acknowledged all."""
        grace = Grace(self._stop)
        while self._producer.flush(STEP_S):
            self._check(grace)
        self._check()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            self.flush()

    def _send_alone(self, topic: str, key: str, partition: int, value: bytes, ts_ms: int, headers: Headers) -> None:
        refused: list[KafkaError] = []

        def report(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                refused.append(error)

        self.flush()
        self._send(topic, key, partition, value, ts_ms, headers, report)
        self.flush()
        if refused:
            raise _refusal(topic, partition, key, value, refused[0])

    def _send(
        self, topic: str, key: str, partition: int, value: bytes, ts_ms: int, headers: Headers, report: Report
    ) -> None:
        self._calls += 1
        if self._calls % _POLL_EVERY == 0:
            self._producer.poll(0)
            self._check()
        grace = Grace(self._stop)
        while True:
            try:
                self._producer.produce(topic, value, key, partition, report, timestamp=ts_ms, headers=headers)
                return
            except BufferError:
                self._producer.poll(0.1)
                self._check(grace)
            except KafkaException as failure:
                raise _refusal(topic, partition, key, value, failure.args[0]) from failure

    def _report(self, error: KafkaError | None, message: Message) -> None:
        self._failure = self._failure or f"{message.topic()}[{message.partition()}]: not delivered: {error}"

    def _check_age(self, event: MarketEvent) -> None:
        """A broker deletes by the messages' own time stamps, an old recording perhaps before it is ever read."""
        age_ms = time.time() * 1_000 - event.ts_received / MILLISECOND
        kept_ms = self._kept_ms() if age_ms > _OLD_MS else None
        if kept_ms is not None and age_ms > kept_ms:
            raise SinkError(
                f"{self._log} keeps messages for {kept_ms / 86_400_000:g} days, and this recording begins "
                f"{to_text(event.ts_received)}: it would be deleted unread; `candlewick topics create --keep` makes "
                "topics without retention"
            )

    def _check(self, grace: Grace | None = None) -> None:
        if self._failure is not None:
            raise SinkError(self._failure)
        if grace is not None and grace.over():
            missing = len(self._producer)
            self._producer.purge()
            raise SinkError(
                f"{self._log}: stopped, and the broker has not acknowledged the last {missing} records within "
                f"{GRACE_S:.0f} s; they may be missing in the log"
            )


def _refusal(topic: str, partition: int, key: str, value: bytes, error: KafkaError) -> SinkError:
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return TooLargeError(f"{topic}[{partition}]: {len(value):,} bytes of {key} are more than the topic takes")
    return SinkError(f"{topic}[{partition}]: {key} not written: {error.str()}")
