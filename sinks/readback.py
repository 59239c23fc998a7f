"""What outputs hold already when a sink resumes, so that nothing is written there twice."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol, cast

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.errors import gone, place
from schemas.failpoints import reach
from schemas.layouts import REBUILD
from schemas.topics import BY_NAME, Outgoing
from sinks.clients import Output, common, consumer, words
from sinks.errors import BrokerError, ContradictionError, SinkError
from sinks.gate import Gate, Past
from sinks.grace import Grace, never
from sinks.kafka_admin import EARLIEST, LATEST, OffsetSpec

__all__ = ["Known", "Ledger", "committed", "look_back", "missing", "offsets", "read_back"]

_PASSING: Final = {
    KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE, KafkaError._NOENT, KafkaError._TRANSPORT, KafkaError._TIMED_OUT,  # noqa: SLF001, the client names its codes so
}  # fmt: skip
"""A broker is away, or has just come back, and what the client knows of the partition is of before."""
_PATIENCE_S: Final = 120.0  # twice a transaction's timeout: so long one of a dead engine may be pending
_ANSWER_S: Final = 5.0  # for one answer; then whoever has to see that we live, or wants us to end, has a turn
_QUIET: Final = 100


class Known(Protocol):
    """What a sink knows of its outputs."""

    def holds(self, output: Output, record: Outgoing) -> bool:
        """Whether ``record`` is there already, or otherwise not to be written; asked once a record."""
        ...

    def written(self, following: Mapping[Output, int]) -> None:
        """Outputs are written up to these offsets, which come next."""
        ...

    def state(self) -> list[tuple[str, int, int]]:
        """Topic, partition and the offset to read back from, of each output."""
        ...


class Ledger:
    """The identifiers that outputs hold beyond a resume state, and how far they are written.

    The engine repeats what it did since its resume state; each repetition is met here once and then forgotten. What
    is not met may still come, so `state` points to the first of it. But another release or a changed setting may
    leave identifiers behind that never come; they are forgotten after `_QUIET` states in a row without a repetition,
    by when any part of the engine has long passed the point where it was stopped.

    About 250 bytes an identifier.

    Parameters:
        following: the offset after the last message of each output.
        settled: whether what is repeated must have the content that is there. It need not, after settings that change
            results were changed: what was written under the old ones stands.
    """

    def __init__(self, following: Mapping[Output, int], *, settled: bool = True) -> None:
        self._following, self._settled = dict(following), settled
        self._found: dict[Output, dict[str, tuple[int, int]]] = {}  # identifier to offset and hash of the value
        self._repeated, self._quiet = False, 0

    def found(self, output: Output, offset: int, identifier: str, value: bytes) -> None:
        """``output`` holds ``identifier``; what holds it again further on is no concern of the engine's."""
        self._found.setdefault(output, {}).setdefault(identifier, (offset, hash(value)))

    def holds(self, output: Output, record: Outgoing) -> bool:
        """See `Known.holds`.

        Raises:
            ContradictionError: its identifier is, with other content.
        """
        found = self._found.get(output)
        entry = found.pop(record.id, None) if found else None
        if entry is None:
            return False
        if self._settled and entry[1] != hash(record.value):
            raise _contradiction(output, entry[0], record)
        self._repeated = True
        return True

    def written(self, following: Mapping[Output, int]) -> None:
        """See `Known.written`."""
        self._following.update(following)

    def state(self) -> list[tuple[str, int, int]]:
        """See `Known.state`."""
        self._quiet = 0 if self._repeated else self._quiet + 1
        self._repeated = False
        if self._quiet >= _QUIET:
            self._found.clear()
        return [(*output, self._first(output, following)) for output, following in sorted(self._following.items())]

    def _first(self, output: Output, following: int) -> int:
        entry = next(iter(self._found.get(output, {}).values()), None)  # found in the order of offsets
        return following if entry is None else entry[0]


def read_back(
    client: Mapping[str, Any],
    admin: AdminClient,
    starts: Mapping[Output, int | None],
    *,
    settled: bool = True,
    stop: Callable[[], bool] = never,
) -> Ledger:
    """What each output holds from its start on (``None``: all that it holds), up to now.

    A transaction that is still open is waited for, since it may yet become visible, and so is a broker that is away.

    Raises:
        SinkError: an output does not reach back to its start, or cannot be read.
    """
    reach("readback.before")
    try:
        firsts, ends = _range(admin, starts, Grace(stop))
        begins = {output: _begin(output, start, firsts[output], ends[output]) for output, start in starts.items()}
        ledger = Ledger(ends, settled=settled)
        for message, identifier in _results(client, begins, ends, stop):
            ledger.found(_output(message), cast("int", message.offset()), identifier, message.value() or b"")
    except KafkaException as error:
        raise BrokerError(f"{_names(starts)}: cannot be read back: {words(error)}") from error
    reach("readback.after")
    return ledger


def look_back(
    client: Mapping[str, Any],
    admin: AdminClient,
    outputs: Collection[Output],
    past: Past,
    *,
    desk: bool,
    stop: Callable[[], bool] = never,
) -> Gate:
    """All that the outputs hold up to now, for an engine that makes its state anew; otherwise like `read_back`."""
    try:
        firsts, ends = _range(admin, outputs, Grace(stop))
        gate = Gate(past, ends, {topic for (topic, _), first in firsts.items() if first}, desk=desk)
        for message, identifier in _results(client, firsts, ends, stop):
            key = (message.key() or b"").decode(errors="replace")
            gate.found(message.topic() or "", key, identifier, message.value() or b"", message.timestamp()[1])
    except KafkaException as error:
        raise BrokerError(f"{_names(outputs)}: cannot be read back: {words(error)}") from error
    return gate


def _results(
    client: Mapping[str, Any], begins: Mapping[Output, int], ends: Mapping[Output, int], stop: Callable[[], bool]
) -> Iterator[tuple[Message, str]]:
    """The engine's messages, which are those with an identifier, and it."""
    behind = {output: begin for output, begin in begins.items() if begin < ends[output]}
    for message in committed(client, behind) if behind else ():
        stop()  # who watches over us sees by this that we are at work
        identifier = dict(message.headers() or []).get("id")
        if isinstance(identifier, bytes):
            yield message, identifier.decode(errors="replace")


def missing(output: Output, start: int, first: int, end: int) -> str | None:
    """What is gone for an engine that goes on at ``start``, in words.

    Of a topic that others write to too, what lay before ``first`` need not be the engine's. If it was, it is written
    again under its identifier.
    """
    shared = output[0] in BY_NAME and BY_NAME[output[0]].shared
    return None if (shared or first <= start) and start <= end else gone(*output, start, first, end)


def _begin(output: Output, start: int | None, first: int, end: int) -> int:
    if start is None:
        return first
    if (lost := missing(output, start, first, end)) is not None:
        raise SinkError(f"{lost}, so what was written cannot be known: restore the topic, or {REBUILD}")
    return max(start, first)


def _range(admin: AdminClient, outputs: Iterable[Output], grace: Grace) -> tuple[dict[Output, int], dict[Output, int]]:
    """The first offset of each output, and the one behind its last, with no transaction open before it."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        ends = offsets(admin, outputs, LATEST, grace)
        stable = offsets(admin, outputs, LATEST, grace, IsolationLevel.READ_COMMITTED)
        pending = [output for output in ends if stable[output] < ends[output]]
        if not pending:
            return offsets(admin, outputs, EARLIEST, grace), ends
        if time.monotonic() > deadline or grace.over():
            raise SinkError(f"{_names(pending)}: a transaction stays open; who has begun it?")
        time.sleep(0.02)


def offsets(
    admin: AdminClient,
    outputs: Iterable[Output],
    spec: OffsetSpec,
    grace: Grace,
    level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
) -> dict[Output, int]:
    """What ``spec`` asks for, of each output, in one question.

    Raises:
        KafkaException: the broker does not answer.
    """
    asked = {TopicPartition(*output): spec for output in outputs}
    if not asked:
        return {}
    deadline = time.monotonic() + _PATIENCE_S  # a part may be made long after the start
    while True:
        answers = admin.list_offsets(asked, isolation_level=level, request_timeout=_ANSWER_S)
        try:
            found = {(at.topic, at.partition): answer.result().offset for at, answer in answers.items()}
            if min(found.values()) < 0:  # what the client answers when the connection went away under its question
                raise KafkaException(KafkaError(KafkaError._TRANSPORT, "the broker went away"))  # noqa: SLF001, the client names its codes so
            return found
        except KafkaException as error:
            if error.args[0].code() not in _PASSING or time.monotonic() > deadline or grace.over():
                raise
            time.sleep(0.1)
            with suppress(KafkaException):
                admin.list_topics(timeout=_ANSWER_S)  # so that the client learns who leads now


def committed(client: Mapping[str, Any], begins: Mapping[Output, int]) -> Iterator[Message]:
    """All committed messages of the outputs from ``begins`` up to their present ends.

    Raises:
        SinkError: they cannot be read.
    """
    pending = set(begins)
    deadline = time.monotonic() + _PATIENCE_S
    with consumer(_consumer_settings(client)) as reader:
        reader.assign([TopicPartition(*output, begin) for output, begin in begins.items()])
        while pending:
            for message in reader.consume(10_000, 0.01):
                deadline = time.monotonic() + _PATIENCE_S
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001, its public names begin like this
                    pending.discard(_output(message))
                else:
                    raise BrokerError(f"{_names([_output(message)])}: cannot be read back: {error.str()}")
            if time.monotonic() > deadline:
                raise BrokerError(f"{_names(pending)}: nothing could be read back for {_PATIENCE_S:.0f} s")


def _consumer_settings(client: Mapping[str, Any]) -> dict[str, Any]:
    tuning = {
        "group.id": "candlewick",  # the client insists on one; nothing is committed to it
        "fetch.wait.max.ms": 10,
        "fetch.queue.backoff.ms": 5,
    }
    guarantee = {
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
    }
    return {**tuning, **common(client), **guarantee}


def _output(message: Message) -> Output:
    return cast("str", message.topic()), cast("int", message.partition())


def _names(outputs: Iterable[Output]) -> str:
    return ", ".join(f"{topic}[{partition}]" for topic, partition in sorted(outputs))


def _contradiction(output: Output, offset: int, record: Outgoing) -> ContradictionError:
    return ContradictionError(
        f"{place(*output, offset)}: identifier {record.id} has other content there than the engine gives it now, so "
        "equal logs no longer give equal results: the engine stops rather than publish both"
    )
