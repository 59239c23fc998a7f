"""Results as files, one a topic: what a replay writes."""

import fcntl
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

import msgspec
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from msgspec import Struct

from schemas.topics import BY_NAME, TOPICS, Outgoing
from sinks.errors import SinkError
from sinks.parquet import write_parquet
from sinks.runs import BUFFER, Runs

__all__ = ["FileSink", "Format", "Shelf", "read_jsonl"]

Format = Literal["jsonl", "parquet"]
_FORMATS: Final[tuple[Format, ...]] = ("jsonl", "parquet")


class FileSink(FixedPartitionedSink[Outgoing, None]):
    """One file a topic, ``features.vectors.jsonl`` and so on, for the topics that get a record.

    A context manager around the flow. Bytewax closes a sink also when the flow fails, so only leaving the ``with``
    block without an error says that the records are complete. Then, and only then, the files appear, each one whole.

    Unit of parallelism: none, one part, as a replay has one worker. Guarantee: the same records give the same bytes, in
    whatever order those of different keys arrive: a file is sorted by time stamp, then key, and the records of a key
    stay in their order. Not resumable: what a killed run left behind is removed by the next one.

    A directory holds the results of one run: making a sink removes those of an earlier one, so make the sinks of all
    lanes before the flow begins. Their topics are disjoint.

    Parameters:
        directory: made if missing.
        fmt: ``jsonl``, a record a line as it goes over the wire, or ``parquet`` (see `sinks.parquet`).
        memory: bytes of records kept there before they are put aside on disk.

    Raises:
        SinkError: ``directory`` cannot be made or written.
    """

    def __init__(self, directory: Path, fmt: Format = "jsonl", *, memory: int = 64 << 20) -> None:
        self._directory, self._fmt, self._memory = directory, fmt, memory
        self.written: Counter[str] = Counter()
        """Records by topic, once the block is left."""
        self._part: _Part | None = None
        with _explained(directory):
            directory.mkdir(parents=True, exist_ok=True)
            if not os.access(directory, os.W_OK | os.X_OK):
                raise PermissionError(0, "not writable")
            for topic in TOPICS:
                for known in _FORMATS:
                    (directory / f"{topic.name}.{known}").unlink(missing_ok=True)

    def list_parts(self) -> list[str]:
        """The one part."""
        return ["files"]

    def part_fn(self, item_key: str) -> int:  # noqa: ARG002, the signature is Bytewax's
        """The one part."""
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_Part":  # noqa: ARG002, the signature is Bytewax's
        """The part, with a working folder of its own in the directory; the same one if asked again.

        Raises:
            SinkError: the folder cannot be made, or another run works in it.
        """
        if self._part is None:
            self._part = _Part(self._directory / f".{step_id}.partial", self._fmt, self._memory)
        return self._part

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._part is None:
            return
        with _explained(self._directory):
            try:
                if error is None:
                    self.written += self._part.finish()
            finally:
                self._part.remove()


class Shelf:
    """Records that wait, each with its place in its file; those of a topic's key come in their order.

    Parameters:
        folder: of a `FileSink`.
        memory: bytes of records kept there before they are put aside on disk.

    Raises:
        SinkError: a topic that there is not, or ``folder`` cannot be written.
    """

    def __init__(self, folder: Path, memory: int) -> None:
        self._folder, self._memory = folder, memory
        self._runs: dict[str, Runs] = {}
        self._last: dict[tuple[str, str], int] = {}

    def add(self, records: Iterable[Outgoing]) -> None:
        """Take ``records``."""
        last = self._last
        for record in records:
            topic, key, ts_ms, value = record.topic, record.key, record.ts_ms, record.value
            runs = self._runs.get(topic) or self._begun(topic)
            if topic == "dead_letters":
                number = _offset.decode(value).offset
            else:
                number = runs.count
                last[topic, key] = ts_ms = max(ts_ms, last.get((topic, key), ts_ms))
            runs.add((ts_ms, key, number, value))
        with _explained(self._folder.parent):
            while sum(runs.size for runs in self._runs.values()) > self._memory:
                max(self._runs.values(), key=attrgetter("size")).spill()

    def finish(self) -> list[tuple[str, Path, int]]:
        """All that was taken: topics, their files, and how many records are in each."""
        with _explained(self._folder.parent):
            return [(topic, runs.finish(), runs.count) for topic, runs in sorted(self._runs.items())]

    def _begun(self, topic: str) -> Runs:
        if topic not in BY_NAME:
            raise SinkError(f"topic {topic}: there is none of this name; known are {', '.join(BY_NAME)}")
        self._runs[topic] = runs = Runs(self._folder / f"{topic}.jsonl")
        return runs


class _Part(StatefulSinkPartition[Outgoing, None]):
    def __init__(self, folder: Path, fmt: Format, memory: int) -> None:
        self._folder, self._directory, self._fmt = folder, folder.parent, fmt
        with _explained(self._directory):
            self._lock = _take(folder)
        self.shelf = Shelf(folder, memory)

    def write_batch(self, values: list[Outgoing]) -> None:
        self.shelf.add(values)

    def snapshot(self) -> None:
        return None

    def finish(self) -> Counter[str]:
        """Bring the files to their place; how many records each topic has."""
        finished = [(topic, self._finish(topic, lines), count) for topic, lines, count in self.shelf.finish()]
        for _, whole, _ in finished:
            whole.rename(self._directory / whole.name)
        return Counter({topic: count for topic, _, count in finished})

    def remove(self) -> None:
        """End the use of the working folder."""
        shutil.rmtree(self._folder)
        os.close(self._lock)

    def _finish(self, topic: str, lines: Path) -> Path:
        whole = lines.with_suffix(f".{self._fmt}")
        if self._fmt == "parquet":
            write_parquet(whole, topic, lambda: read_jsonl(lines))
        with whole.open("rb") as file:
            os.fsync(file.fileno())
        return whole


class _Offset(Struct):
    offset: int


# Several steps write dead letters of the same key, each its own in order: their place in the log orders them all.
_offset: Final = msgspec.json.Decoder(_Offset)


def read_jsonl(path: Path) -> Iterator[bytes]:
    """The records of ``path``, without their line ends.

    Raises:
        SinkError: it cannot be read.
    """
    try:
        with path.open("rb", BUFFER) as file:
            for line in file:
                yield line.removesuffix(b"\n")
    except OSError as error:
        raise SinkError(f"{path}: {error.strerror}; name a file that a replay wrote") from error


def _take(folder: Path) -> int:
    """Make ``folder``, or empty a dead run's, and hold it until the handle is closed."""
    folder.mkdir(exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise BlockingIOError(error.errno, "another run is writing there") from error
    for left in folder.iterdir():
        left.unlink()
    return handle


@contextmanager
def _explained(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = error.strerror or str(error)
        raise SinkError(f"output {directory}: {what}; name a directory of our own with enough room") from error
