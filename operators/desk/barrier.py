"""The desk's waiting room: a close is handed out when every member has said its word about it."""

from collections.abc import Iterator
from heapq import heappop, heappush

from msgspec import Struct

from operators.closed import Closed, Standing

__all__ = ["Barrier"]


class Barrier(Struct, kw_only=True):
    """Closes in order of time, each complete.

    A member's records come in order of their closes, so one for a later close says that there is none for the earlier
    ones. Only members in force at a close are waited for and handed out; membership is itself waited for.
    """

    waiting: dict[int, dict[str, Closed]] = {}
    """By close, then instrument."""
    queue: list[int] = []
    """The closes that wait, as a heap."""
    progress: dict[str, int] = {}
    """Last close that each instrument has spoken about."""
    known_to: int = 0
    """Up to here it is known who is a member."""
    decided_to: int = 0
    changes: list[tuple[int, tuple[str, ...]]] = []
    """``(ts_from, members)``: in force at the closes after ``ts_from``."""

    def add(self, record: Closed | Standing) -> None:
        """Take a record of an instrument or of the control key."""
        if isinstance(record, Standing):
            self.changes += record.changes
            self.known_to = record.ts_close
            return
        self.progress[record.instrument_id] = record.ts_close
        if record.ts_close <= self.decided_to:
            return  # of an instrument that was no member then
        if record.ts_close not in self.waiting:
            self.waiting[record.ts_close] = {}
            heappush(self.queue, record.ts_close)
        self.waiting[record.ts_close][record.instrument_id] = record

    def ready(self) -> Iterator[tuple[int, list[Closed]]]:
        """The closes that can be decided now, oldest first, with their members' records by instrument."""
        while self.queue and self.queue[0] <= self.known_to:
            ts_close = self.queue[0]
            members = self.members(ts_close)
            if any(self.progress.get(member, 0) < ts_close for member in members):
                return
            records = self.waiting.pop(heappop(self.queue))
            self.decided_to = ts_close
            yield ts_close, [records[member] for member in members if member in records]

    def members(self, ts_close: int) -> tuple[str, ...]:
        """Who is waited for at ``ts_close`` (ns), sorted; changes that no later close needs are forgotten."""
        while len(self.changes) > 1 and self.changes[1][0] < ts_close:
            del self.changes[0]
        if self.changes and self.changes[0][0] < ts_close:
            return self.changes[0][1]
        return ()
