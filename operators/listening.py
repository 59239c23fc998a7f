"""When somebody was listening to the exchange: the difference between nothing happened and nothing is known."""

from typing import Any

from operators.state import Slotted

__all__ = ["Listening"]

Interval = tuple[int, int]


class Listening(Slotted):
    """The event time that heartbeats have proven, and the silences in it.

    Several ingesters may listen to one instrument: as long as one of them does, the others' disconnections say nothing.

    Attributes
    ----------
    now
        Greatest event time of a heartbeat, ns; ``None`` before the first one.
    first
        Event time of the first heartbeat.
    """

    __slots__ = ("_silences", "_sources", "_timeout", "connected", "first", "now")

    def __init__(self, timeout: int) -> None:
        self._timeout = timeout
        self.now: int | None = None
        self.first: int | None = None
        self.connected = False
        self._sources: dict[str, int] = {}  # last heartbeat of each ingester that is connected
        self._silences: tuple[Interval, ...] = ()

    def beat(self, ts: int, *, connected: bool, source: str) -> Interval | None:
        """Move time on to ``ts``; the silence that begins or ends with this heartbeat, if one does.

        A silence that goes on is not told again. Heartbeats of the past, and of one ingester that is cut off while
        another is not, do not move time.
        """
        self._note(ts, connected=connected, source=source)
        now, was_connected = self.now, self.connected
        if now is None:
            self.now = self.first = ts
            self.connected = connected
            return None
        if ts <= now or (not connected and self._sources):
            return None
        self.now, self.connected = ts, connected
        if connected and was_connected and ts - now <= self._timeout:
            return None
        begun = now
        if not was_connected and self._silences and self._silences[-1][1] == now:
            begun = self._silences[-1][0]
            self._silences = self._silences[:-1]
        self._silences = (*self._silences, (begun, ts))
        return (begun, ts) if connected or was_connected else None

    def cover(self, start: int, end: int) -> Interval | None:
        """Somebody else has listened from ``start`` to ``end`` and told the whole; the silence before it, if any."""
        now = self.now
        if now is None:
            self.first = start
        elif end <= now:
            return None
        self.now, self.connected = end, True
        if now is None or start <= now:
            return None
        self._silences = (*self._silences, (now, start))
        return now, start

    def before(self, ts: int) -> bool:
        """Whether the first heartbeat was not after ``ts``."""
        return self.first is not None and self.first <= ts

    def heard(self, start: int, end: int) -> str:
        """How much of ``[start, end)`` was listened to: ``all``, ``some`` or ``nothing`` of it."""
        if not self.before(end - 1):
            return "nothing"
        overlaps = [(a, b) for a, b in self._silences if a < end and b > start]
        if any(a <= start and b >= end for a, b in overlaps):
            return "nothing"
        return "some" if overlaps else "all"

    def forget(self, before: int) -> None:
        """Silences that ended before ``before`` are of no more use."""
        self._silences = tuple(span for span in self._silences if span[1] >= before)

    def _note(self, ts: int, *, connected: bool, source: str) -> None:
        sources = self._sources
        if connected:
            sources[source] = max(ts, sources.get(source, ts))
        else:
            sources.pop(source, None)
        if len(sources) > 1 or not connected:
            self._sources = {name: last for name, last in sources.items() if last >= ts - self._timeout}

    def restore(self, state: list[Any]) -> None:
        """Take up a `state` again."""
        super().restore(state)
        self._silences = tuple((a, b) for a, b in self._silences)
