"""What an engine that makes its state anew gives once more, and what of it is left out."""

from collections import deque
from collections.abc import Collection, Mapping
from functools import cache
from typing import Final

import msgspec
from msgspec import Struct

from schemas.signals import Signal
from schemas.time import HOUR, MILLISECOND
from schemas.topics import BY_NAME, Outgoing
from sinks.clients import Output

__all__ = ["Gate", "Past"]

_SLACK: Final = HOUR
"""Receivers' clocks may be set back: so much earlier than that of the last one may a later result's time stamp be."""
_NEVER: Final = -1


class Past(Struct, frozen=True, kw_only=True):
    """What is known of the engine whose state is made anew."""

    whole: bool
    """The log is read from its very first record, so that all its results come again, as they were."""
    decided_to: int = 0
    """Else: the close (ns) up to which its desk has decided."""


class _Moment(Struct):
    ts_event: int


_moment: Final = msgspec.json.Decoder(_Moment)


class _Line:
    """Results that come in one order: of one topic and key, or of one topic of the desk's."""

    __slots__ = ("first", "identifiers", "last", "recent")

    def __init__(self, at: int) -> None:
        self.first = self.last = at
        self.identifiers: set[str] = set()
        self.recent: deque[tuple[int, str]] = deque()


class Gate:
    """Stands in for `sinks.readback.Ledger` until the log is read beyond where it ended when the state was lost.

    A result whose identifier is there is left out, and its content is not compared: averages remember what came before
    the log begins, so it may differ in its last digits. One whose identifier is not there is left out if it is of the
    past: it was there and retention took it, or the engine of then came to another conclusion. All others are written.

    Of the past is what comes before the results that are there. Where the log is ``whole`` that is before the first of
    them, if the topic no longer begins at its beginning; else before the last. The features lane goes by time stamp, a
    topic and key at a time; the desk's lane by close.
    """

    def __init__(self, past: Past, following: Mapping[Output, int], trimmed: Collection[str], *, desk: bool) -> None:
        self._past, self._following, self._trimmed, self._desk = past, dict(following), trimmed, desk
        self._lines: dict[tuple[str, str], _Line] = {}
        self._floor = cache(self._reckon)  # asked only when all is found

    def found(self, topic: str, key: str, identifier: str, value: bytes, ts_ms: int) -> None:
        """A topic holds this; in the order of its offsets."""
        at = self._at(value, ts_ms)
        name = (topic, "" if self._desk else key)
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = _Line(at)
        line.identifiers.add(identifier)
        line.last = max(line.last, at)
        if not self._past.whole:
            line.recent.append((at, identifier))
            while line.recent[0][0] < line.last - _SLACK:
                line.identifiers.discard(line.recent.popleft()[1])

    def holds(self, output: Output, record: Outgoing) -> bool:  # noqa: ARG002, a ledger needs the partition
        """Whether ``record`` is left out."""
        name = (record.topic, "" if self._desk else record.key)
        line = self._lines.get(name)
        if line is not None and record.id in line.identifiers:
            line.identifiers.remove(record.id)
            return True
        return self._at(record.value, record.ts_ms) < self._floor(*name)

    def written(self, following: Mapping[Output, int]) -> None:
        """See `Ledger.written`."""
        self._following.update(following)

    def state(self) -> list[tuple[str, int, int]]:
        """See `Ledger.state`; who resumes looks through the whole topics again."""
        return [(*output, following) for output, following in sorted(self._following.items())]

    def _at(self, value: bytes, ts_ms: int) -> int:
        return _moment.decode(value).ts_event if self._desk else ts_ms * MILLISECOND

    def _reckon(self, topic: str, key: str) -> int:
        """The moment (ns) before which what is not known is of the past."""
        line = self._lines.get((topic, key))
        if self._past.whole:
            if topic not in self._trimmed:
                return _NEVER
            return self._last(key) if line is None else line.first
        if self._desk:
            return max(self._past.decided_to + 1, self._last(key))
        if line is not None:
            return line.last - _SLACK
        return self._last(key) - _SLACK if topic in self._trimmed else _NEVER

    def _last(self, key: str) -> int:
        """Of the results under ``key`` in all topics, as far as they are signals or of the instrument's step."""
        lasts = [line.last for (topic, other), line in self._lines.items() if other == key and _counts(topic)]
        return max(lasts, default=_NEVER)


def _counts(topic: str) -> bool:
    """Outcomes and models' events follow another clock than the desk's."""
    return topic not in BY_NAME or BY_NAME[topic].lane == "features" or BY_NAME[topic].record is Signal
