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
    decided_to: int = 0
    standings: list[Standing] = []
    """Those that reach beyond what was decided, oldest first."""

    def add(self, record: Closed | Standing) -> None:
        """Take a record of an instrument or of the control key."""
        if isinstance(record, Standing):
            if self.standings and self.standings[-1].members == record.members:
                self.standings.pop()
            self.standings.append(record)
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
        while self.queue:
            members = self._complete(self.queue[0])
            if members is None:
                return
            self.decided_to = heappop(self.queue)
            records = self.waiting.pop(self.decided_to)
            found = [records[member] for member in members if member in records]
            if found:
                yield self.decided_to, found

    def _complete(self, ts_close: int) -> tuple[str, ...] | None:
        """The members at ``ts_close`` (ns) if they, and those of all closes before it, have spoken."""
        while self.standings:
            standing = self.standings[0]
            until = min(ts_close, standing.ts_close)
            if any(self.progress.get(member, 0) < until for member in standing.members):
                return None
            if ts_close <= standing.ts_close:
                return standing.members
            self.decided_to = self.standings.pop(0).ts_close  # no member has anything left to say about its closes
        return None
