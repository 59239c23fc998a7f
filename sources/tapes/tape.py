"""A tape: one or several files, read as one, line by line, each line in the format that it shows itself to have."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from schemas.codec import DecodeError, decode_event
from schemas.market import MarketEvent
from schemas.time import SECOND, Nanoseconds
from sources.malformed import Malformed
from sources.merge import Heard, Item
from sources.normalise.dialects import DIALECTS, Dialect
from sources.normalise.fields import UNREADABLE, seconds
from sources.normalise.venue import NormaliseError, Unnamed, Venue
from sources.tapes.errors import TapeError
from sources.tapes.files import Damage, PartFile

__all__ = ["REFUSED", "Tape", "is_own", "open_tapes", "receive_times"]

REFUSED: Final = b"refused: "
"""Stands in a recording before a line that was no record when it was made."""
_OWN: Final = b'{"type":'
_MICROSECONDS: Final = 10**16
"""Below: microseconds; at or above: nanoseconds. Both are held to plausible years after that."""
_PULSE: Final = SECOND
"""Receive time between two items that say no more than that lines without a record came."""


class Tape:
    """Iterates over the records of its files, and over what could not be read, in the order of the lines. One pass.

    A record is preceded by the definition of its instrument where that is new or has turned out to be another.
    Formats, told line by line: Candlewick's own (a record's JSON, or what was refused);
    ``<receive time, ns or µs> <message>``; and the captures of cryptofeed: ``<seconds>: <message>``,
    ``wss://... <-> <seconds>`` (connected), ``wss://... <- <seconds>: <sent>``,
    ``https://... -> <seconds>: <body>``, ``configuration: ...``.

    Raises:
        TapeError: on construction; never while reading.
    """

    def __init__(self, paths: Sequence[Path], venue: Venue | None) -> None:
        if not paths:
            raise TapeError("a tape needs at least one file")
        self._parts = [PartFile(path) for path in paths]
        firsts = [_first_line(part) for part in self._parts]
        foreign = [path for path, line in zip(paths, firsts, strict=True) if line and not is_own(line)]
        self.recorded = not foreign and any(firsts)
        """Whether this is Candlewick's own recording: a log already, with heartbeats and all."""
        if venue is None and not self.recorded:
            known = ", ".join(DIALECTS)
            raise TapeError(f"tape {(*foreign, *paths)[0]} holds an exchange's messages: say of which venue ({known})")
        self._venue = venue
        self._dialect: Dialect | None = DIALECTS[venue.name] if venue is not None else None
        self._now = 0
        self._only: str | None = None  # the one instrument of the file so far; "" if there are several
        self._pulse = 0
        self._held: list[tuple[int, bytes, Unnamed]] = []

    @property
    def size(self) -> int:
        """Bytes of all files as they are on disk."""
        return sum(part.size for part in self._parts)

    @property
    def read(self) -> int:
        """Bytes of these read so far."""
        return sum(part.read for part in self._parts)

    def __iter__(self) -> Iterator[Item]:
        """The records, what is `Malformed`, and `Heard` where lines have no record."""
        for part in self._parts:
            self._only = None
            number = 0
            try:
                for number, line in enumerate(part.lines(), 1):
                    yield from self._items(line, part.path, number)
            except Damage as damage:
                yield self._malformed(part.path, number + 1, damage.rest, damage)
            for at, line, unnamed in self._held:
                yield self._malformed(part.path, at, line, unnamed)
            self._held.clear()

    def _items(self, line: bytes, path: Path, number: int) -> Iterator[Item]:
        if line.startswith(REFUSED):
            refused = NormaliseError("refused when it was recorded")
            yield self._malformed(path, number, line.removeprefix(REFUSED), refused)
            return
        malformed: Malformed | None = None
        records: list[MarketEvent] = []
        now, clock = self._now, (0, 0) if self._venue is None else (self._venue.clock.latest, self._venue.clock.heard)
        try:
            records = self._records(line)
        except Unnamed as unnamed:
            if self._only is None:
                self._held.append((number, line, unnamed))
            elif self._only:
                records = [unnamed.complete(self._only)]
            else:
                malformed = self._malformed(path, number, line, unnamed)
        except (DecodeError, *UNREADABLE) as error:
            self._now = now
            if self._venue is not None:
                self._venue.disbelieve(*clock)
            malformed = self._malformed(path, number, line, error)
        if self._venue is not None and self._venue.introduced:
            introduced, self._venue.introduced = self._venue.introduced, []
            yield from introduced
        if malformed is not None:
            yield malformed
        for record in records:
            if record.instrument_id != self._only:
                yield from self._another(record.instrument_id)
            yield record
        if not records and malformed is None and self._now - self._pulse >= _PULSE:
            self._pulse = self._now
            yield Heard(ts_received=self._now)

    def _another(self, instrument_id: str) -> Iterator[Item]:
        if self._only is not None:
            self._only = ""
            return
        self._only = instrument_id
        for _, _, unnamed in self._held:
            yield unnamed.complete(instrument_id)
        self._held.clear()

    def _records(self, line: bytes) -> list[MarketEvent]:
        if line.startswith(_OWN):
            record = decode_event(line)
            self._now = record.ts_received
            return [record]
        if self._venue is None or self._dialect is None:
            raise NormaliseError("not a record, and which venue's message it could be is not said")
        if line[:1].isdigit():
            stamp, _, message = line.partition(b" ")
            self._now = seconds(stamp[:-1].decode()) if stamp.endswith(b":") else _received(stamp)
            return self._dialect.message(message, self._venue, self._now)
        if line.startswith(b"http"):
            url, _, answer = line.partition(b" -> ")
            body = self._stamped(answer)
            return self._dialect.response(url.decode(), body, self._venue, self._now)
        if line.startswith(b"ws"):
            url, sign, sent = line.partition(b" <- ")
            if not sign:
                url, _, sent = line.partition(b" <-> ")
            body = self._stamped(sent)
            self._dialect.subscribed(url.decode(), body, self._venue, self._now)
            return []
        if not line.strip() or line.startswith(b"configuration:"):
            return []
        raise NormaliseError("begins with neither a receive time nor anything else of a format known here")

    def _stamped(self, text: bytes) -> bytes:
        stamp, _, rest = text.partition(b": ")
        self._now = seconds(stamp.strip().decode())
        return rest

    def _malformed(self, path: Path, number: int, raw: bytes, error: Exception) -> Malformed:
        return Malformed(feed=str(path), offset=number, raw=raw, reason=_reason(error), ts_received=self._now)


def open_tapes(groups: Sequence[tuple[Sequence[Path], str | None]]) -> list[Tape]:
    """The tapes of one run, each a (files in their order, venue) pair; tapes of a venue share what is known of it.

    Raises:
        TapeError: an unknown venue, or a file that is missing, a directory, not permitted or empty.
    """
    venues: dict[str, Venue] = {}
    tapes: list[Tape] = []
    for paths, name in groups:
        if name is not None and name not in DIALECTS:
            raise TapeError(f"venue {name!r} is not known, only {', '.join(DIALECTS)}")
        venue = venues.setdefault(name, Venue(name, DIALECTS[name].describe)) if name is not None else None
        tapes.append(Tape(paths, venue))
    return tapes


def is_own(line: bytes) -> bool:
    """Whether ``line`` is of a recording in Candlewick's own format."""
    return line.startswith((_OWN, REFUSED))


def receive_times(lines: Iterable[bytes], venue: str | None) -> Iterator[int]:
    """The receive times (ns) of those ``lines`` that are a plain one and a message of ``venue`` that can be read."""
    if venue is None or venue not in DIALECTS:
        return
    dialect = DIALECTS[venue]
    known = Venue(venue, dialect.describe)
    for line in lines:
        stamp, _, message = line.partition(b" ")
        try:
            received = _received(stamp)
            dialect.message(message, known, received)
        except Unnamed:
            yield received
        except UNREADABLE:
            continue
        else:
            yield received


def _received(stamp: bytes) -> int:
    if not stamp.isdigit():
        raise NormaliseError(f"{stamp[:40]!r} is not a receive time")
    number = int(stamp)
    return msgspec.convert(number if number >= _MICROSECONDS else number * 1_000, Nanoseconds)


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"field {error} is missing"
    return str(error) or type(error).__name__


def _first_line(part: PartFile) -> bytes:
    try:
        for line in part.lines():
            if line.strip():
                return line
    except Damage:
        return b""  # told in its place when the tape is read
    finally:
        part.read = 0
    raise TapeError(f"tape {part.path}: there is no line in it")
