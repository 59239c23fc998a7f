"""A log in memory: what a replay reads instead of Kafka."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from flows.feeds import Entry, rejected
from schemas.batches import Batch, Rejected
from schemas.codec import encode
from schemas.time import MILLISECOND
from sources.malformed import Malformed

__all__ = ["MemoryLog"]

_BATCH: Final = 1_000
_LogItem = tuple[str, Batch | Rejected]


class MemoryLog(FixedPartitionedSource[_LogItem, None]):
    """Records in one part, encoded, batched and grouped as the Kafka source does; not resumable."""

    def __init__(self, items: Iterable[Entry]) -> None:
        self._items = items

    def list_parts(self) -> list[str]:
        """The one part."""
        return ["memory"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_Part":  # noqa: ARG002
        """The part."""
        return _Part(enumerate(self._items))


class _Part(StatefulSourcePartition[_LogItem, None]):
    def __init__(self, items: Iterator[tuple[int, Entry]]) -> None:
        self._items = items

    def next_batch(self) -> list[_LogItem]:
        batches: dict[str, list[tuple[int, int, bytes]]] = {}
        refused: list[_LogItem] = []
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
