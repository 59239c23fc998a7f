"""Two ways to write batches: idempotent, acknowledged when it is asked for, and each in a transaction."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.failpoints import reach
from schemas.topics import Outgoing
from sinks.clients import Output, producer, producer_settings, words
from sinks.errors import BrokerAwayError, BrokerError, SinkError
from sinks.grace import GRACE_S, STEP_S, Grace, never

__all__ = [
    "IdempotentWriter", "Placed", "TransactionalWriter", "Writer", "idempotent_producer", "transactional_settings",
]  # fmt: skip

Placed = tuple[Output, Outgoing]
"""A record and where it goes."""

_TRANSACTION_TIMEOUT_S: Final = (
    60.0  # so long may a dead engine's transaction keep readers of committed messages waiting
)


_REFUSALS: Final = frozenset({
    KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE, KafkaError.INVALID_RECORD,
    KafkaError.INVALID_TIMESTAMP, KafkaError.POLICY_VIOLATION, KafkaError.TOPIC_AUTHORIZATION_FAILED,
})  # fmt: skip
"""What the broker says to a record that it will not take next time either."""


class Writer(Protocol):
    """Writes batches."""

    def write(self, records: Sequence[Placed]) -> None:
        """Write ``records``.

        Raises:
            SinkError: some record, of these or of earlier ones, could not be delivered.
        """
        ...

    def settle(self) -> dict[Output, int]:
        """Wait until the broker has acknowledged all that was written; the first offset that a next record may have, of
        each output written to since this was last asked.

        Raises:
            SinkError: some record could not be delivered.
        """
        ...


def idempotent_producer(client: Mapping[str, Any], *, delivery_timeout_s: float) -> Producer:
    """For any number of `IdempotentWriter`.

    Parameters:
        delivery_timeout_s: how long the broker may be away before a record counts as lost and the engine stops.

    Raises:
        SinkError: a setting that librdkafka refuses.
    """
    return producer(producer_settings(client, delivery_timeout_s))


def transactional_settings(client: Mapping[str, Any], transactional_id: str, timeout_s: float) -> dict[str, Any]:
    """Of a client whose transactions the broker aborts when they are open for ``timeout_s``."""
    timeout_ms = round(timeout_s * 1_000)
    return {
        "linger.ms": 1,  # 0 sends the first record alone, and the others wait for a retry of 25 ms
        # Two connections may turn out deaf, one after the other, before the transaction that they hold up is aborted.
        "socket.timeout.ms": timeout_ms * 2 // 5,
        **producer_settings(client, timeout_s),
        "transactional.id": transactional_id,
        "transaction.timeout.ms": timeout_ms,
    }


class IdempotentWriter:
    """Each record once and in order, as long as this process lives.

    Writing only waits when the producer's queue is full, so that a broker far away delays nobody by a round trip for
    each batch, and one that is slow, or away, slows the source.

    Parameters:
        shared: see `idempotent_producer`.
        stop: once it says true, a broker that does not acknowledge is given up within `GRACE_S`.
    """

    def __init__(self, shared: Producer, *, stop: Callable[[], bool] = never) -> None:
        self._producer, self._stop = shared, stop
        self._reports = _Reports()
        self._unsettled: set[str] = set()

    def write(self, records: Sequence[Placed]) -> None:
        """See `Writer.write`."""
        reach("features.write.before")
        self._unsettled.update([topic for (topic, _), _ in records])
        try:
            _produce(self._producer, records, self._reports, Grace(self._stop))
        except KafkaException as error:
            raise BrokerError(f"{_topics(records)}: not written: {words(error)}") from error
        self._producer.poll(0)
        self._reports.check()
        reach("features.write.after")

    def settle(self) -> dict[Output, int]:
        """See `Writer.settle`."""
        grace = Grace(self._stop)
        while self._producer.flush(STEP_S):
            if grace.over():
                self._producer.purge()
                raise _unacknowledged(", ".join(sorted(self._unsettled)))
        self._unsettled.clear()
        reach("features.settle.after")
        return self._reports.take()


class TransactionalWriter:
    """Each batch as one transaction: a reader of committed messages sees all of it or nothing.

    The constructor fences whoever used ``transactional_id`` before, and waits until what that one had begun is
    committed or aborted.

    Parameters:
        delivery_timeout_s: how long the broker may be away before the engine stops.
        stop: once it says true, a broker that does not acknowledge is given up within `GRACE_S`.

    Raises:
        SinkError: the broker has no transactions, or does not answer in that time.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        *,
        transactional_id: str,
        delivery_timeout_s: float,
        stop: Callable[[], bool] = never,
    ) -> None:
        self._id, self._patience_s, self._stop = transactional_id, delivery_timeout_s, stop
        self._following: dict[Output, int] = {}
        timeout_s = min(delivery_timeout_s, _TRANSACTION_TIMEOUT_S)
        self._producer = producer(transactional_settings(client, transactional_id, timeout_s))
        try:
            deadline = time.monotonic() + delivery_timeout_s
            self._insist(self._producer.init_transactions, transactional_id, deadline, Grace(stop))
        except KafkaException as error:
            kind = BrokerAwayError if error.args[0].retriable() else SinkError
            raise kind(f"transactions of {transactional_id} cannot begin: {words(error)}") from error

    def write(self, records: Sequence[Placed]) -> None:
        """See `Writer.write`; they are committed when this returns."""
        deadline, grace = time.monotonic() + self._patience_s, Grace(self._stop)
        while True:
            reports = _Reports()
            try:
                self._following.update(self._transaction(records, reports, deadline, grace))
                return
            except KafkaException as error:
                reason: KafkaError = error.args[0]
                # A record offered after the transaction has failed is refused for the state it is in.
                abortable = reason.txn_requires_abort() or reason.code() == KafkaError._STATE  # noqa: SLF001, the client names its codes so
                if not abortable or time.monotonic() > deadline:
                    raise self._failed(records, error) from error
            self._abort(records, deadline, grace)
            if reports.refused:
                reports.check()

    def settle(self) -> dict[Output, int]:
        """See `Writer.settle`; there is nothing to wait for."""
        following, self._following = self._following, {}
        return following

    def _transaction(
        self, records: Sequence[Placed], reports: "_Reports", deadline: float, grace: Grace
    ) -> dict[Output, int]:
        reach("signals.begin.before")
        self._producer.begin_transaction()
        _produce(self._producer, records, reports, grace)
        reach("signals.commit.before")
        self._insist(self._producer.commit_transaction, _topics(records), deadline, grace)
        reach("signals.commit.after")
        # What comes next is behind the mark that ends the transaction: with the last record it may be all that is gone.
        return {output: following + 1 for output, following in reports.take().items()}

    def _abort(self, records: Sequence[Placed], deadline: float, grace: Grace) -> None:
        try:
            self._insist(self._producer.abort_transaction, _topics(records), deadline, grace)
        except KafkaException as error:
            raise self._failed(records, error) from error

    def _insist(self, call: Callable[[float], None], what: str, deadline: float, grace: Grace) -> None:
        """A call that timed out is taken up again by calling once more."""
        while True:
            try:
                return call(STEP_S)
            except KafkaException as error:
                reason: KafkaError = error.args[0]
                if reason.retriable() and grace.over():
                    self._producer.purge()
                    raise _unacknowledged(what) from error
                if not reason.retriable() or time.monotonic() > deadline:
                    raise

    def _failed(self, records: Sequence[Placed], error: KafkaException) -> BrokerError:
        reason: KafkaError = error.args[0]
        fenced = reason.code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED)  # noqa: SLF001, the client names its codes so
        # The client has one word for both; which it was, the lease knows.
        why = "; it was open for too long, or another engine writes under this name" if fenced else ""
        return BrokerError(f"{_topics(records)}: transaction of {self._id} failed: {words(error)}{why}")


class _Reports:
    """The delivery reports of what was written."""

    def __init__(self) -> None:
        self._next: dict[Output, int] = {}
        self._failure: str | None = None
        self.refused = False
        """Whether the broker would refuse the same again."""

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        output, offset = (message.topic() or "", message.partition() or 0), message.offset()
        refused = error is not None and error.code() in _REFUSALS
        if error is not None or offset is None:
            if self._failure is None or (refused and not self.refused):
                reason = "no offset" if error is None else error.str()
                self._failure = f"{output[0]}[{output[1]}]: not delivered: {reason}"
            self.refused = self.refused or refused
        else:
            self._next[output] = max(self._next.get(output, 0), offset + 1)

    def check(self) -> None:
        if self._failure is not None:
            raise BrokerError(self._failure)

    def take(self) -> dict[Output, int]:
        """The offsets that follow, since they were last taken."""
        self.check()
        following, self._next = self._next, {}
        return following


def _produce(producer: Producer, records: Sequence[Placed], reports: _Reports, grace: Grace) -> None:
    for (topic, partition), record in records:
        headers: list[tuple[str, str | bytes | None]] = [("id", record.id.encode())]
        while True:
            try:
                producer.produce(
                    topic, record.value, record.key, partition, reports,
                    timestamp=record.ts_ms, headers=headers,
                )  # fmt: skip
                break
            except BufferError:  # the queue is full: wait for room
                producer.poll(0.1)
                if grace.over():
                    producer.purge()
                    raise _unacknowledged(_topics(records)) from None


def _unacknowledged(what: str) -> SinkError:
    return SinkError(
        f"{what}: stopped, and the broker has not acknowledged what was written within {GRACE_S:.0f} s; nothing is "
        "lost, since results without acknowledgement are made again from the log at the next start"
    )


def _topics(records: Sequence[Placed]) -> str:
    return ", ".join(sorted({topic for (topic, _), _ in records}))
