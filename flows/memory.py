"""A log in memory: what replay and parity read instead of Kafka."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from schemas.batches import Batch, Rejected
from schemas.codec import encode
from schemas.market import MarketEvent
from schemas.time import MILLISECOND

__all__ = ["LogRecord", "MemoryLog", "log_records"]

_BATCH: Final = 5_000

LogRecord = tuple[str, int, int, int, bytes]
"""Key, partition, offset, time stamp in ms, value."""

_Item = tuple[str, Batch | Rejected]


def log_records(events: Iterable[MarketEvent]) -> Iterator[LogRecord]:
    """``events`` as they would stand in a log of one partition."""
    for offset, event in enumerate(events):
        yield event.instrument_id, 0, offset, event.ts_received // MILLISECOND, encode(event)


class MemoryLog(FixedPartitionedSource[_Item, None]):
    """Records in one part, batched and grouped as the Kafka source does; not resumable."""

    def __init__(self, records: Iterable[LogRecord]) -> None:
        self._records = iter(records)

    def list_parts(self) -> list[str]:
        """The one part."""
        return ["memory"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_Part":  # noqa: ARG002
        """The part."""
        return _Part(self._records)


class _Part(StatefulSourcePartition[_Item, None]):
    def __init__(self, records: Iterator[LogRecord]) -> None:
        self._records = records

    def next_batch(self) -> list[_Item]:
        grouped: dict[tuple[str, int], list[tuple[int, int, bytes]]] = {}
        for key, partition, offset, ts_ms, value in islice(self._records, _BATCH):
            grouped.setdefault((key, partition), []).append((offset, ts_ms, value))
        if not grouped:
            raise StopIteration
        return [(key, Batch(key, partition, messages)) for (key, partition), messages in grouped.items()]

    def snapshot(self) -> None:
        return None
