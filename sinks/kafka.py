"""Results to Kafka, each identifier once."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import cached_property, lru_cache
from typing import Any, Final, TypedDict

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from schemas.failpoints import reach
from schemas.layouts import Layout, unversioned
from schemas.partitioner import partition_for
from schemas.topics import BY_NAME, TOPICS, Lane, Outgoing
from sinks.clients import Output, admin, partition_counts
from sinks.errors import SinkError
from sinks.gate import Past
from sinks.grace import never
from sinks.producers import IdempotentWriter, Placed, TransactionalWriter, Writer, idempotent_producer
from sinks.readback import Known, look_back, read_back

__all__ = ["LAYOUT", "KafkaFeatures", "KafkaSignals", "SinkState"]

LAYOUT: Final = Layout("sink", 2, {1: unversioned})
"""Of a `SinkState`."""
_partition: Final = lru_cache(maxsize=65_536)(partition_for)


class SinkState(TypedDict):
    """How far a part's outputs are written."""

    partitions: int
    """Of the lane's topics; 0 where each may have its own number."""
    following: list[tuple[str, int, int]]
    """Topic, partition, and the offset from which on the engine may repeat what is there."""


class KafkaFeatures(FixedPartitionedSink[Outgoing, bytes]):
    """The features lane: what the per-instrument step gives.

    Unit of parallelism: the partition number, one part for that partition of all topics; one idempotent producer.
    Guarantee: what an epoch has written is acknowledged by the broker before the epoch counts, and what a resumed
    engine repeats is read back and left out, so every identifier is there, and once. One exception: what a killed
    engine had on the wire may arrive after its successor has read back, leaving an equal message twice; readers go by
    identifier, as the store does. A compacted topic is written again instead, since there the order of the last records
    is what counts.

    Parameters:
        client: librdkafka's settings, ``bootstrap.servers`` among them.
        topics: names; all with the same number of partitions.
        delivery_timeout_s: how long the broker may be away; the source waits meanwhile, then the engine stops.
        stop: once it says true, a broker that does not acknowledge is given up after seconds, with a `SinkError`.
        past: of an engine whose state is made anew (`sinks.gate`).
        settled: whether what is repeated must have the content that is there.

    Raises:
        SinkError: the broker does not answer, lacks a topic, or the topics differ in their number of partitions.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        *,
        topics: Sequence[str] | None = None,
        delivery_timeout_s: float = 300.0,
        stop: Callable[[], bool] = never,
        past: Past | None = None,
        settled: bool = True,
    ) -> None:
        self._past, self._settled = past, settled
        self._client, self._delivery_timeout_s, self._stop = dict(client), delivery_timeout_s, stop
        self._topics = topics or _lane("features")
        self._admin = admin(client)
        counts = partition_counts(self._admin, self._topics)
        if len(set(counts.values())) != 1:
            listed = ", ".join(f"{topic} {count}" for topic, count in counts.items())
            raise SinkError(f"the topics of the features lane need one number of partitions, but have: {listed}")
        self._partitions = next(iter(counts.values()))

    def list_parts(self) -> list[str]:
        """The partitions' numbers, padded because Bytewax sorts names as text."""
        return [f"{partition:05d}" for partition in range(self._partitions)]

    def part_fn(self, item_key: str) -> int:
        """Kafka's own partitioner."""
        return _partition(item_key, self._partitions)

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> "_Part":  # noqa: ARG002, the signature is Bytewax's
        """The partition, written as far as its topics say.

        Raises:
            SinkError: the topics have another number of partitions than then, or do not reach back far enough.
        """
        following = _following(for_part, resume_state, self._partitions)
        partition = int(for_part)
        outputs = [(topic, partition) for topic in self._topics if not _compacted(topic)]
        known = _known(
            self._client, self._admin, outputs, following, self._past,
            desk=False, settled=self._settled, stop=self._stop,
        )  # fmt: skip
        writer = IdempotentWriter(self._producer, stop=self._stop)
        return _Part(writer, known, dict.fromkeys(self._topics, self._partitions), partition)

    @cached_property
    def _producer(self) -> Producer:
        return idempotent_producer(self._client, delivery_timeout_s=self._delivery_timeout_s)


class KafkaSignals(FixedPartitionedSink[Outgoing, bytes]):
    """The signals lane: what the desk gives.

    Unit of parallelism: none, one part and one transactional producer, as the desk is one key.
    Guarantee: one transaction a batch. A resumed engine first fences its predecessor and what that one had on the wire,
    then reads back what is committed and leaves it out, so a reader of committed messages sees every identifier once.
    Without ``transactions`` a killed engine may leave an equal message twice, as in the features lane.

    Parameters:
        client: librdkafka's settings, ``bootstrap.servers`` among them.
        topics: names.
        transactional_id: whose transactions these are; one for each engine that writes to a Kafka cluster.
        transactions: off only for a broker that has none.
        here: whether they are written in this process, which is so in one of an engine's only.
        early: begin with transactions now, half a second's work for the client, instead of at the first signal.
            Elsewhere than `here` nothing begins, as each one that does ends the transactions of those before it.
        delivery_timeout_s: how long the broker may be away; the source waits meanwhile, then the engine stops.
        stop: once it says true, a broker that does not acknowledge is given up after seconds, with a `SinkError`.
        past: of an engine whose state is made anew (`sinks.gate`).
        settled: whether what is repeated must have the content that is there.

    Raises:
        SinkError: the broker does not answer, or lacks a topic.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        *,
        topics: Sequence[str] | None = None,
        transactional_id: str = "candlewick-signals",
        transactions: bool = True,
        here: bool = True,
        early: bool = False,
        delivery_timeout_s: float = 300.0,
        stop: Callable[[], bool] = never,
        past: Past | None = None,
        settled: bool = True,
    ) -> None:
        self._past, self._settled = past, settled
        self._client, self._delivery_timeout_s, self._stop = dict(client), delivery_timeout_s, stop
        self._topics = topics or _lane("signals")
        self._transactional_id = transactional_id if transactions else None
        self._admin = admin(client)
        self._counts = partition_counts(self._admin, self._topics)
        self._here = here
        self._begun = _in_background(self._writer) if here and early and transactions else None

    def list_parts(self) -> list[str]:
        """The one part, where it is here."""
        return ["signals"] if self._here else []

    def part_fn(self, item_key: str) -> int:  # noqa: ARG002, the signature is Bytewax's
        """The one part."""
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> "_Part":  # noqa: ARG002, the signature is Bytewax's
        """The part, written as far as its topics say.

        Raises:
            SinkError: the topics do not reach back far enough, or transactions are not to be had.
        """
        following = _following(for_part, resume_state, 0)
        # The predecessor is fenced before the ends of the topics are asked for.
        begun, self._begun = self._begun, None
        writer = self._writer() if begun is None else begun.result()
        outputs = [
            (topic, partition)
            for topic, count in self._counts.items() if not _compacted(topic)
            for partition in range(count)
        ]  # fmt: skip
        known = _known(
            self._client, self._admin, outputs, following, self._past,
            desk=True, settled=self._settled, stop=self._stop,
        )  # fmt: skip
        return _Part(writer, known, self._counts)

    def _writer(self) -> Writer:
        if self._transactional_id is None:
            own = idempotent_producer(self._client, delivery_timeout_s=self._delivery_timeout_s)
            return IdempotentWriter(own, stop=self._stop)
        return TransactionalWriter(
            self._client, transactional_id=self._transactional_id, delivery_timeout_s=self._delivery_timeout_s,
            stop=self._stop,
        )  # fmt: skip


class _Part(StatefulSinkPartition[Outgoing, bytes]):
    # It has no `close`. At a clean end the last snapshot has waited for all, with recovery or without; after a failure
    # what a `close` raises aborts the process before anybody has read the reason.

    def __init__(self, writer: Writer, known: Known, counts: Mapping[str, int], partition: int | None = None) -> None:
        self._writer, self._known, self._counts, self._partition = writer, known, counts, partition

    def write_batch(self, values: list[Outgoing]) -> None:
        fresh = [placed for placed in map(self._place, values) if not self._known.holds(*placed)]
        if fresh:
            self._writer.write(fresh)

    def snapshot(self) -> bytes:
        reach("sink.snapshot.before")
        self._known.written(self._writer.settle())
        partitions = 0 if self._partition is None else next(iter(self._counts.values()))
        state = LAYOUT.seal(SinkState(partitions=partitions, following=self._known.state()))
        reach("sink.snapshot.after")
        return state

    def _place(self, record: Outgoing) -> Placed:
        topic = record.topic
        if topic not in self._counts:
            raise SinkError(f"topic {topic}: not one of this lane's: {', '.join(self._counts)}")
        partition = _partition(record.key, self._counts[topic]) if self._partition is None else self._partition
        return (topic, partition), record


def _following(part: str, sealed: bytes | None, partitions: int) -> dict[Output, int]:
    if sealed is None:
        return {}
    state: SinkState = LAYOUT.unseal(sealed)
    if state["partitions"] != partitions:
        raise SinkError(
            f"sink {part}: the lane's topics have {partitions} partitions, recovery state is of {state['partitions']}: "
            "start with an empty recovery directory and new topics"
        )
    return {(topic, partition): offset for topic, partition, offset in state["following"]}


def _known(
    client: Mapping[str, Any],
    asked: AdminClient,
    outputs: Sequence[Output],
    following: Mapping[Output, int],
    past: Past | None,
    *,
    desk: bool,
    settled: bool,
    stop: Callable[[], bool],
) -> Known:
    if past is not None:
        return look_back(client, asked, outputs, past, desk=desk, stop=stop)
    return read_back(client, asked, {output: following.get(output) for output in outputs}, settled=settled, stop=stop)


def _in_background(make: Callable[[], Writer]) -> "Future[Writer]":
    made: Future[Writer] = Future()

    def work() -> None:
        try:
            made.set_result(make())
        except BaseException as error:
            made.set_exception(error)

    threading.Thread(target=work, name="transactions", daemon=True).start()
    return made


def _lane(lane: Lane) -> list[str]:
    return [topic.name for topic in TOPICS if topic.lane == lane]


def _compacted(topic: str) -> bool:
    return topic in BY_NAME and BY_NAME[topic].compacted
