"""A log and results in memory: what a replay reads, and may write to, instead of Kafka."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from flows.feeds import Entry, rejected
from schemas.batches import Batch, Rejected
from schemas.codec import encode
from schemas.time import MILLISECOND
from schemas.topics import Outgoing
from sources.malformed import Malformed

__all__ = ["Kept", "LogItem", "MemoryLog"]

_BATCH: Final = 1_000
LogItem = tuple[str, Batch | Rejected]
"""What goes into the dataflow, under its key."""


class MemoryLog(FixedPartitionedSource[LogItem, None]):
    """Records in one part, encoded, batched and grouped as the Kafka source does; not resumable."""

    def __init__(self, items: Iterable[Entry]) -> None:
        self._items = items

    def list_parts(self) -> list[str]:
        """The one part."""
        return ["memory"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_Part":  # noqa: ARG002, the signature is Bytewax's
        """The part."""
        return _Part(enumerate(self._items))


class _Part(StatefulSourcePartition[LogItem, None]):
    def __init__(self, items: Iterator[tuple[int, Entry]]) -> None:
        self._items = items

    def next_batch(self) -> list[LogItem]:
        batches: dict[str, list[tuple[int, int, bytes]]] = {}
        refused: list[LogItem] = []
        for offset, item in islice(self._items, _BATCH):
            if isinstance(item, Malformed):
                batch = rejected(item)
                refused.append((batch.key, batch))
            else:
                message = (offset, item.ts_received // MILLISECOND, encode(item))
                batches.setdefault(item.instrument_id, []).append(message)
        if not batches and not refused:
            raise StopIteration
        return [(key, Batch(key, 0, messages)) for key, messages in batches.items()] + refused

    def snapshot(self) -> None:
        return None


class _KeptPart(StatelessSinkPartition[tuple[str, Outgoing]]):
    def __init__(self, keep: Callable[[Outgoing], None]) -> None:
        self._keep = keep

    def write_batch(self, items: list[tuple[str, Outgoing]]) -> None:
        for _, record in items:
            self._keep(record)


class Kept(DynamicSink[tuple[str, Outgoing]]):
    """Hands every record on; nothing is written, so nothing is guaranteed."""

    def __init__(self, keep: Callable[[Outgoing], None]) -> None:
        self._keep = keep

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _KeptPart:  # noqa: ARG002, the signature is Bytewax's
        return _KeptPart(self._keep)
