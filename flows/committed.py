"""What result topics hold now, committed, from their beginning to their end."""

from collections.abc import Iterable, Iterator

from flows.settings import Settings, kafka_client
from schemas.message import Message
from sources.kafka import LogError
from sources.results import Offsets, ResultTopics

__all__ = ["committed"]


def committed(settings: Settings, topics: Iterable[str], offsets: Offsets | None = None) -> Iterator[Message]:
    """The messages of ``topics`` in offset order a partition, from ``offsets`` on where these name one.

    Raises:
        LogError: the broker does not answer, or lacks a topic.
    """
    failures: list[LogError] = []
    source = ResultTopics(
        kafka_client(settings), topics, offsets or {}, stop=lambda: False, failed=failures.append, until_end=True
    )
    part = source.build_part("", "", None)
    try:
        while True:
            for batch in part.next_batch():
                yield from batch
    except StopIteration:
        pass
    finally:
        part.close()
    if failures:
        raise failures[0]
