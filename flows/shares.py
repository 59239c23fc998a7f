"""A replay on several processors: instruments are dealt out to helper processes, the desk and the files stay here.

Nothing of the results depends on it: a helper gets its instruments' records in the order of the log, and what they give
rise to is handed on here chunk by chunk in that order.
"""

import subprocess
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import IO, Any, Final, Self

import msgspec
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from msgspec import Struct

from flows.cluster import WorkerError
from flows.feeds import Entry
from flows.memory import LogItem, MemoryLog
from flows.process import command
from operators.closed import Closed
from operators.config import InstrumentConfig
from operators.steps import Happened, InstrumentLogic, refuse
from schemas.batches import Batch, Rejected
from schemas.errors import CandlewickError
from schemas.market import CONTROL
from schemas.results import Vector
from schemas.topics import Outgoing
from sinks.errors import SinkError
from sinks.files import Shelf

__all__ = ["Shares", "Start", "deliver", "frames"]

_AHEAD: Final = 12
"""Chunks on their way to a helper and back, so that it never waits for the next, though another has more to do."""
_LENGTH: Final = 8
_PIPE: Final = 1 << 20
"""Bytes: a chunk, mostly. A thread that reads in small pieces has to wait for the others again after each of them."""
_BULK: Final = frozenset({"features.vectors", "features.bars", "features.books", "features.levels"})
"""Topics that instruments alone write to: theirs need not go through the flow."""
_Said = tuple[list[Outgoing], list[Closed], list[tuple[float | None, ...]]]

_encode: Final = msgspec.msgpack.Encoder().encode
_said: Final = msgspec.msgpack.Decoder[_Said](_Said).decode


class Start(Struct):
    """What a helper is told first."""

    config: InstrumentConfig
    names: tuple[str, ...]
    """The features that are read here: all of them would be most of what is handed on."""


def deliver(pipe: IO[bytes], message: Any) -> None:
    """Write ``message`` as one frame."""
    packed = _encode(message)
    pipe.write(len(packed).to_bytes(_LENGTH))
    pipe.write(packed)
    pipe.flush()


def frames(pipe: IO[bytes]) -> Iterator[bytes]:
    """The whole frames of ``pipe`` until it ends, read ahead, so that whoever writes it never waits."""
    read: SimpleQueue[bytes | None] = SimpleQueue()

    def drain() -> None:
        while len(head := pipe.read(_LENGTH)) == _LENGTH:
            length = int.from_bytes(head)
            packed = pipe.read(length)
            if len(packed) < length:
                break
            read.put(packed)
        read.put(None)

    threading.Thread(target=drain, daemon=True).start()
    while (packed := read.get()) is not None:
        yield packed


class Shares(FixedPartitionedSource[tuple[str, Happened], None]):
    """What happens to every key of ``items``, worked out by up to ``count`` helper processes; not resumable.

    A context manager around the flow: leaving the block ends all helpers. An instrument goes to the helper that has
    fewest; one is started when its first instrument appears.
    """

    def __init__(self, items: Iterable[Entry], start: Start, count: int, shelf: Shelf) -> None:
        self._items, self._start, self._count, self._shelf = items, start, count, shelf
        self._helpers: list[_Helper] = []
        self._by_key: dict[str, _Helper] = {}
        self.failure: CandlewickError | None = None
        """For `check`: what is raised inside a flow makes Bytewax write lines of its own."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for helper in self._helpers:
            helper.end()

    def list_parts(self) -> list[str]:
        """The one part."""
        return ["memory"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_Part":
        """The part."""
        return _Part(MemoryLog(self._items).build_part(step_id, for_part, resume_state), self, self._start.config)

    def helper(self, key: str) -> "_Helper":
        """Whoever works on ``key``."""
        if key not in self._by_key:
            number = len(self._by_key) % self._count
            if number == len(self._helpers):
                self._helpers.append(_Helper(number, self._start))
            self._by_key[key] = self._helpers[number]
        return self._by_key[key]

    def put_aside(self, records: Iterable[Outgoing]) -> None:
        """Take ``records`` that need nothing more."""
        self._shelf.add(records)

    def check(self) -> None:
        """To be called after the flow.

        Raises:
            WorkerError: a helper has ended before its time, and the flow with it.
            SinkError: what came could not be put aside.
        """
        if self.failure is not None:
            raise self.failure


class _Helper:
    def __init__(self, number: int, start: Start) -> None:
        self._number, self._names = number, start.names
        self._process = subprocess.Popen(
            command("replayer"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, pipesize=_PIPE
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._pipe, self._frames = self._process.stdin, frames(self._process.stdout)
        self.send(start)

    def send(self, message: Any) -> None:
        try:
            deliver(self._pipe, message)
        except BrokenPipeError as error:
            raise self._error() from error

    def receive(self) -> tuple[list[Outgoing], list[Closed]]:
        packed = next(self._frames, None)
        if packed is None:
            raise self._error()
        records, closes, values = _said(packed)
        features = iter(values)
        for closed in closes:
            for record in closed.records:
                if isinstance(record, Vector):
                    record.features.update(zip(self._names, next(features), strict=True))
        return records, closes

    def end(self) -> None:
        with suppress(BrokenPipeError), self._process:  # what it has not read is of no use any more
            self._process.kill()

    def _error(self) -> WorkerError:
        return WorkerError(f"replay worker {self._number}", self._process.wait(), "nothing was written")


class _Part(StatefulSourcePartition[tuple[str, Happened], None]):
    def __init__(self, log: StatefulSourcePartition[LogItem, None], shares: Shares, config: InstrumentConfig) -> None:
        self._log, self._shares = log, shares
        self._control = InstrumentLogic(config, {}, None)
        self._under_way: deque[tuple[list[tuple[str, Happened]], list[_Helper]]] = deque()
        self._ended = False

    def next_batch(self) -> list[tuple[str, Happened]]:
        try:
            return self._gathered()
        except (WorkerError, SinkError) as error:
            self._shares.failure = error
            raise StopIteration from error

    def _gathered(self) -> list[tuple[str, Happened]]:
        while not self._ended and len(self._under_way) < _AHEAD:
            try:
                self._under_way.append(self._dealt(self._log.next_batch()))
            except StopIteration:
                self._ended = True
        if not self._under_way:
            raise StopIteration
        happened, asked = self._under_way.popleft()
        for helper in asked:
            records, closes = helper.receive()
            self._shares.put_aside(record for record in records if record.topic in _BULK)
            happened += [(record.key, record) for record in records if record.topic not in _BULK]
            happened += [(closed.instrument_id, closed) for closed in closes]
        return happened

    def _dealt(self, chunk: Iterable[LogItem]) -> tuple[list[tuple[str, Happened]], list[_Helper]]:
        """Send each its share of ``chunk``; what happened here, and whoever is to answer."""
        happened: list[tuple[str, Happened]] = []
        shares: dict[_Helper, list[Batch]] = {}
        for key, batch in chunk:
            if isinstance(batch, Rejected):
                happened += [(key, record) for record in refuse(batch)]
            elif key == CONTROL:
                happened += [(key, record) for record in self._control.on_batch([batch])[0]]
            else:
                shares.setdefault(self._shares.helper(key), []).append(batch)
        for helper, share in shares.items():
            helper.send(share)
        return happened, list(shares)

    def snapshot(self) -> None:
        return None
