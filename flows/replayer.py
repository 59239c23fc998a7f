"""One helper process of a replay; started by `flows.shares`, told what to do on standard input."""

import sys
from collections.abc import Callable
from operator import itemgetter
from typing import Final

import msgspec

from flows.errors import status_of
from flows.process import keep_memory, spare_collector
from flows.shares import Start, deliver, frames
from operators.closed import Closed
from operators.steps import Happened, InstrumentLogic
from schemas.batches import Batch
from schemas.results import Vector
from schemas.topics import Outgoing

__all__ = ["main"]

Read = Callable[[dict[str, float | None]], tuple[float | None, ...]]

_batches: Final = msgspec.msgpack.Decoder(list[Batch]).decode


def main() -> int:
    """Work until the input ends; 0 then, an error's own status after one line on standard error."""
    spare_collector()
    keep_memory()
    return status_of(_work, "candlewick")


def _work() -> None:
    received = frames(sys.stdin.buffer)
    start = msgspec.msgpack.decode(next(received), type=Start)
    read: Read = itemgetter(*start.names)
    logics: dict[str, InstrumentLogic] = {}
    for packed in received:
        happened: list[Happened] = []
        for batch in _batches(packed):
            logic = logics.pop(batch.key, None) or InstrumentLogic(start.config, {}, None)
            said, forgotten = logic.on_batch([batch])
            happened += said
            if not forgotten:
                logics[batch.key] = logic
        records = [record for record in happened if isinstance(record, Outgoing)]
        closes = [record for record in happened if isinstance(record, Closed)]
        deliver(sys.stdout.buffer, (records, closes, _taken(closes, read)))


def _taken(closes: list[Closed], read: Read) -> list[tuple[float | None, ...]]:
    """Of each vector what ``read`` gives; nothing is left in it."""
    values: list[tuple[float | None, ...]] = []
    for closed in closes:
        for record in closed.records:
            if isinstance(record, Vector):
                values.append(read(record.features))
                record.features.clear()
    return values
