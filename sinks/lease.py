"""The right to write the results in a Kafka cluster, which one engine has at a time, on whatever host it runs."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.topics import LOG
from sinks.clients import TIMEOUT_S, admin, common, consumer, words
from sinks.errors import BrokerAwayError, SinkError

__all__ = ["Lease", "read_stamp"]

_GROUP: Final = "candlewick-engine"
_POLL_S: Final = 0.1
_HEARTBEAT_S: Final = 0.3
_NOTICE_S: Final = 1.0
"""By then a predecessor that is alive has heard that it is none any more, and has ended the batch it was at."""
_SESSION_S: Final = 300.0
"""Without a word from the broker for so long, nobody knows who took over meanwhile."""
_NAP_S: Final = 0.1
_OTHER: Final = "another engine has taken over; this one ends so that nothing is written twice"
_silent: Final = logging.getLogger("candlewick.lease")
_silent.disabled = True  # what is of interest is told by our own error, the rest by other clients
_PASSING: Final = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR,
}  # fmt: skip
"""What a broker says for a moment after it has started."""
_TAKEN: Final = {KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID}  # noqa: SLF001, its public names begin like this
_REFUSED: Final = {
    KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.INVALID_SESSION_TIMEOUT,
}  # fmt: skip


class Lease:
    """A static member of a consumer group: Kafka gives its name to who asked last, and tells whoever had it before.

    It reads nothing. Transactions fence an engine when it writes its next signal; this ends it within half a second
    also while it only writes features.

    Parameters:
        client: librdkafka's settings, ``bootstrap.servers`` among them.
        note: a file in which the broker's name for us is kept, so that a successor here need not wait for us to end.
        lost: called once, from another thread, when somebody else has taken over, or may have.
        stamp: a word that the broker keeps for `read_stamp`.
        topic: any that is there.
        group: one for each Kafka cluster's results.

    Raises:
        SinkError: the broker does not answer, or refuses the group.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        note: Path,
        lost: Callable[[], None],
        *,
        stamp: str = "",
        topic: str = LOG,
        group: str = _GROUP,
    ) -> None:
        self._note, self._lost, self._group = note, lost, group
        self._stamp = TopicPartition(topic, 0, 0, stamp)
        self._error: SinkError | None = None
        self._name = ""
        self._joined, self._closed = threading.Event(), threading.Event()
        self._admin = admin(client)
        others = _members(self._admin, group) - {note.read_text() if note.exists() else ""}
        self._consumer = consumer(_settings(client, group))
        self._consumer.subscribe([topic], on_assign=self._on_assign, on_lost=self._on_lost)
        self._thread = threading.Thread(target=self._watch, name="lease", daemon=True)
        self._thread.start()
        if others:
            if not self._joined.wait(TIMEOUT_S):
                raise self._error or BrokerAwayError(f"group {group}: not joined within {TIMEOUT_S:.0f} s")
            time.sleep(_NOTICE_S)

    def check(self) -> None:
        """Raises SinkError if it is lost."""
        if self._error is not None:
            raise self._error

    def confirm(self) -> None:
        """Asks the broker, where `check` says what it has told by itself.

        Raises:
            SinkError: it is lost, or the broker does not answer.
        """
        if self._joined.is_set() and _members(self._admin, self._group) - {self._name}:
            self._error = self._error or SinkError(f"group {self._group}: {_OTHER}")
        self.check()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closed.set()
        if self._error is None:
            self._thread.join()
            self._consumer.close()

    def _watch(self) -> None:
        while not self._closed.is_set() and self._error is None:
            message = self._consumer.poll(_POLL_S)
            error = None if message is None else message.error()
            if error is None:
                continue
            if error.code() in _TAKEN:
                self._end(SinkError, _OTHER)
            elif error.code() in _REFUSED:
                self._end(SinkError, f"{error.str()}; the engine's user needs READ on it")

    def _end(self, kind: type[SinkError], reason: str) -> None:
        self._error = kind(f"group {self._group}: {reason}")
        self._lost()

    def _on_assign(self, consumer: Consumer, _: list[TopicPartition]) -> None:
        consumer.assign([])
        consumer.commit(offsets=[self._stamp], asynchronous=True)
        self._name = consumer.memberid()  # outside of this callback the client may never answer that
        with suppress(OSError):  # without a note a successor waits for a second
            self._note.write_text(self._name)
        self._joined.set()

    def _on_lost(self, _consumer: Consumer, _: list[TopicPartition]) -> None:
        reason = f"the broker was not to be reached for {_SESSION_S:.0f} s, and another engine may have taken over"
        self._end(BrokerAwayError, reason)
        threading.Event().wait()  # who returns from here joins again, and would fence that one


def read_stamp(client: Mapping[str, Any], *, topic: str = LOG, group: str = _GROUP) -> str | None:
    """The word that the last holder of the lease left, kept by Kafka as what belongs to an offset of its group.

    Raises:
        BrokerAwayError: the broker does not answer.
    """
    deadline = time.monotonic() + TIMEOUT_S
    with consumer(_settings(client, group)) as asked:  # which takes nothing as long as it subscribes to nothing
        while True:
            try:
                (found,) = asked.committed([TopicPartition(topic, 0)], TIMEOUT_S)
            except KafkaException as error:
                if error.args[0].code() not in _PASSING or time.monotonic() > deadline:
                    raise BrokerAwayError(f"group {group}: {words(error)}") from error
                time.sleep(_NAP_S)
            else:
                return found.metadata or None


def _members(asked: AdminClient, group: str) -> set[str]:
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            found = asked.describe_consumer_groups([group], request_timeout=TIMEOUT_S)[group].result()
        except KafkaException as error:
            code = error.args[0].code()
            if code not in _PASSING or time.monotonic() > deadline:
                kind = SinkError if code in _REFUSED else BrokerAwayError
                raise kind(f"group {group}: {words(error)}") from error
            time.sleep(_NAP_S)
        else:
            return {member.member_id for member in found.members}


def _settings(client: Mapping[str, Any], group: str) -> dict[str, Any]:
    guarantee = {
        "group.id": group,
        "group.instance.id": "engine",
        "heartbeat.interval.ms": round(_HEARTBEAT_S * 1_000),
        "session.timeout.ms": round(_SESSION_S * 1_000),
        "max.poll.interval.ms": 86_400_000,  # a process that was stopped for a while must not join again by itself
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        "logger": _silent,
    }
    return {**common(client), **guarantee}
