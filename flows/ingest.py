"""Ingest: a feed written into the log, at the speed it was recorded, faster, or as fast as the broker takes it."""

import gzip
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import msgspec

from flows.errors import FlowError
from flows.feeds import Entry, rejected
from schemas.codec import encode
from schemas.deadletters import dead_letter
from schemas.failpoints import reach
from schemas.market import MarketEvent
from schemas.results import DeadLetter
from schemas.time import SECOND
from schemas.topics import Outgoing
from sinks.errors import TooLargeError
from sources.malformed import Malformed
from sources.tapes.tape import REFUSED

__all__ = ["Recorder", "Writer", "ingest", "letter_of", "paced"]

_NAP: Final = 0.05
_COMMIT_S: Final = 1.0


class Writer(Protocol):
    """Where the log is written to."""

    def write(self, event: MarketEvent) -> None: ...
    def reject(self, letter: Outgoing) -> None: ...
    def flush(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


def ingest(items: Iterable[Entry], writer: Writer, commit: Callable[[], None] | None = None) -> Counter[str]:
    """Write every item, those that are malformed or too large as dead letters; counts by type of record.

    ``commit`` tells the feed, once a second and at the end, that what it handed out has arrived: not before, so that a
    crash repeats and never loses.

    Raises:
        CandlewickError: the writer could not deliver something.
    """
    counts: Counter[str] = Counter()
    for item in items if commit is None else _committed(items, writer, commit):
        if isinstance(item, Malformed):
            writer.reject(letter_of(item))
            counts["malformed"] += 1
            continue
        try:
            writer.write(item)
            counts[str(item.__struct_config__.tag)] += 1
        except TooLargeError as error:
            writer.reject(letter_of(_refused(item, str(error))))
            counts["too_large"] += 1
    _settle(writer, commit)
    return counts


def _refused(event: MarketEvent, reason: str) -> Malformed:
    """Its place in its feed is not known any more, so it stands under its instrument."""
    raw, received = encode(event), event.ts_received
    return Malformed(feed=event.instrument_id, offset=0, raw=raw, reason=reason, ts_received=received)


def _committed(items: Iterable[Entry], writer: Writer, commit: Callable[[], None]) -> Iterator[Entry]:
    due = time.monotonic() + _COMMIT_S
    for item in items:
        yield item
        if time.monotonic() >= due:
            _settle(writer, commit)
            due = time.monotonic() + _COMMIT_S


def _settle(writer: Writer, commit: Callable[[], None] | None) -> None:
    reach("ingest.flush.before")
    writer.flush()
    reach("ingest.flush.after")
    if commit is not None:
        commit()
        reach("ingest.commit.after")


def letter_of(item: Malformed) -> Outgoing:
    """The dead letter of input that is no record."""
    batch = rejected(item)
    offset, ts_ms, key, value, reason = batch.messages[0]
    return dead_letter(batch.topic, batch.partition, offset, ts_ms, key, value, reason)


def paced(
    items: Iterable[Entry],
    speed: float,
    *,
    flush: Callable[[], None],
    stop: Callable[[], bool],
    since: int = 0,
    live: bool = False,
) -> Iterator[Entry]:
    """``items`` as fast as they were received, times ``speed``; what waits in the writer is flushed before a pause.

    What was received before ``since`` (ns), a history of bars, is not held back. ``live``: nothing comes before its own
    time by the clock, so that a past is caught up with at ``speed`` and then goes on as time does. What is malformed
    comes with what is before it.
    """
    began: tuple[float, int] | None = None
    for item in items:
        received = item.ts_received
        if received >= since and not isinstance(item, Malformed):
            now = time.monotonic()
            if began is None or received < began[1]:
                began = (now, received)
            due = began[0] + (received - began[1]) / SECOND / speed
            if live:
                due = max(due, now + (received - time.time_ns()) / SECOND)
            if due - now > _NAP:
                flush()
                _sleep_until(due, stop)
        yield item


def _sleep_until(due: float, stop: Callable[[], bool]) -> None:
    while (rest := due - time.monotonic()) > 0 and not stop():
        time.sleep(min(rest, _NAP))


class Recorder:
    """Writes Candlewick's own recording format instead of a log: a record's JSON a line, packed if so named."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.partial")
        packed = path.suffix == ".gz"
        with _explained(path):
            # No time stamp in the header: equal records give equal bytes.
            self._file = gzip.GzipFile(self._partial, "wb", 6, mtime=0) if packed else self._partial.open("wb")

    def write(self, event: MarketEvent) -> None:
        """Append one record."""
        with _explained(self._path):
            self._file.write(encode(event) + b"\n")

    def reject(self, letter: Outgoing) -> None:
        """Append the line as it was behind a mark, so that every reader of the recording refuses it too."""
        value = msgspec.json.decode(letter.value, type=DeadLetter).value
        self._file.write(REFUSED + b64decode(value or "").replace(b"\n", b" ") + b"\n")

    def flush(self) -> None:
        """Nothing waits."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Finish: only now is the file there under its name, and only whole."""
        with _explained(self._path):
            self._file.close()
            if error is None:
                self._partial.replace(self._path)
            else:
                self._partial.unlink()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FlowError(f"recording {path}: {error.strerror or error}") from error
