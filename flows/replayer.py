"""One helper process of a replay; started by `flows.shares`, told what to do on standard input."""

import sys
from pathlib import Path
from typing import Final

import msgspec

from flows.errors import status_of
from flows.process import spare_collector
from flows.shares import BULK, Start, deliver, frames
from operators.closed import Closed
from operators.steps import Happened, InstrumentLogic
from schemas.batches import Batch
from schemas.results import Vector
from schemas.topics import Outgoing
from sinks.files import Shelf

__all__ = ["main"]

_MEMORY: Final = 64 << 20
"""Bytes of results kept before they go to disk."""
_batches: Final = msgspec.msgpack.Decoder(list[Batch]).decode


def main() -> int:
    """Work until the input ends; 0 then, an error's own status after one line on standard error."""
    spare_collector()
    return status_of(_work, "candlewick")


def _work() -> None:
    received = frames(sys.stdin.buffer)
    start = msgspec.msgpack.decode(next(received), type=Start)
    shelf = Shelf(Path(start.folder), _MEMORY, start.name)
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
        values = _taken(closes)
        shelf.add(record for record in records if record.topic in BULK)
        deliver(sys.stdout.buffer, ([record for record in records if record.topic not in BULK], closes, values))
    deliver(sys.stdout.buffer, [str(run) for run in shelf.put_aside()])


def _taken(closes: list[Closed]) -> list[list[float | None]]:
    """The features of each vector, taken out of it: their names would be most of what is sent."""
    values: list[list[float | None]] = []
    for closed in closes:
        for record in closed.records:
            if isinstance(record, Vector):
                values.append(list(record.features.values()))
                record.features.clear()
    return values
