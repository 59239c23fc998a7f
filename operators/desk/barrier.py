"""The desk's waiting room: a close is handed out when every member has said its word about it."""

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from operators.closed import Closed, Standing
from schemas.market import CONTROL
from schemas.results import Vector
from schemas.time import HOUR

__all__ = ["Barrier", "Passed"]


_LOOSE: Final = 2_000
"""Records, each with vectors of some ten kilobytes, that wait as they are."""
_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(Closed).decode


class Passed(Struct, frozen=True, array_like=True):
    """Closes at which an instrument had vectors and was no member, so that nothing was decided on them."""

    instrument_id: str
    first: int
    last: int
    count: int
    """Those that no earlier one told of."""
    ts_decided: int
    """Of the record that gave rise to this."""
    over: bool
    """From now on it is a member."""


class _Outside(Struct, array_like=True):
    """What is not told yet of an instrument that is no member."""

    first: int
    last: int
    count: int = 0


class Barrier(Struct, kw_only=True):
    """Closes in order of time, each complete.

    A member's records come in order of their closes, so one for a later close says that there is none for the earlier
    ones. Only members in force at a close are waited for and handed out; membership is itself waited for. Of others,
    what would have been decided on is counted: from the first close on, once an hour, and when they become members.
    """

    waiting: dict[int, dict[str, bytes | Closed]] = {}
    """By close, then instrument; packed beyond the first `_LOOSE`, since there may be many."""
    queue: list[int] = []
    """The closes that wait, as a heap."""
    count: int = 0
    """Records that wait."""
    progress: dict[str, int] = {}
    """Last close that each instrument has spoken about."""
    decided_to: int = 0
    standings: list[Standing] = []
    """Those that reach beyond what was decided, oldest first."""
    outside: dict[str, _Outside] = {}
    """Instruments that were no members at their last close."""
    ts_decided: int = 0
    """When the last close handed out could be decided (ns), see `ready`."""
    passed: list[Passed] = []
    """To be told, and then cleared."""

    def add(self, record: Closed | Standing) -> None:
        """Take a record of an instrument or of the control key."""
        if isinstance(record, Standing):
            if self.standings and replace(self.standings[-1], ts_close=record.ts_close) == record:
                self.standings.pop()
            self.standings.append(record)
            return
        self.progress[record.instrument_id] = record.ts_close
        if record.ts_close <= self.decided_to:
            self._pass(record)  # of an instrument that was no member then
            return
        if record.ts_close not in self.waiting:
            self.waiting[record.ts_close] = {}
            heappush(self.queue, record.ts_close)
        self.waiting[record.ts_close][record.instrument_id] = record if self.count < _LOOSE else _pack(record)
        self.count += 1

    def ready(self) -> Iterator[tuple[int, int, list[Closed]]]:
        """The closes that can be decided now, oldest first, the time from which each could be, and its members' records
        by instrument.

        Nothing that is known of a close was received later than that time: no record of a member, nor who is one, nor
        what counts from the close on, nor anything of the closes before it.
        """
        while self.queue:
            standing = self._complete(self.queue[0])
            if standing is None:
                return
            self.decided_to = heappop(self.queue)
            packed = self.waiting.pop(self.decided_to)
            self.count -= len(packed)
            records = {name: _unpacked(packed[name]) for name in sorted(packed)}
            found = [records.pop(member) for member in standing.members if member in records]
            for record in found:
                self._hand_out(record)
            for record in records.values():
                self._pass(record)
            if found:
                known = (self.decided_to, standing.ts_decided, *map(_decided, found))
                self.ts_decided = max(self.ts_decided, *known)
                yield self.decided_to, self.ts_decided, found

    def pack(self) -> None:
        """Pack all that waits, as its state is."""
        for records in self.waiting.values():
            for name, record in records.items():
                if isinstance(record, Closed):
                    records[name] = _pack(record)

    def lacking(self) -> tuple[int, list[str]] | None:
        """The oldest close that waits, and the keys whose word on it is lacking; ``None`` if none waits."""
        if not self.queue:
            return None
        ts_close = self.queue[0]
        for standing in self.standings:
            lacking = self._silent(standing, ts_close)
            if lacking or ts_close <= standing.ts_close:
                return ts_close, lacking
        return ts_close, [CONTROL]

    def _complete(self, ts_close: int) -> Standing | None:
        """Who is a member at ``ts_close`` (ns) if they, and those of all closes before it, have spoken."""
        while self.standings:
            standing = self.standings[0]
            if self._silent(standing, ts_close):
                return None
            if ts_close <= standing.ts_close:
                return standing
            self.decided_to = self.standings.pop(0).ts_close  # no member has anything left to say about its closes
        return None

    def _silent(self, standing: Standing, ts_close: int) -> list[str]:
        """Members that have not spoken up to ``ts_close`` (ns), as far as ``standing`` reaches."""
        until = min(ts_close, standing.ts_close)
        return [member for member in standing.members if self.progress.get(member, 0) < until]

    def _hand_out(self, record: Closed) -> None:
        outside = self.outside.pop(record.instrument_id, None)
        if outside is not None:
            self._tell(record, outside, over=True)

    def _pass(self, record: Closed) -> None:
        if not any(isinstance(said, Vector) for said in record.records):
            return
        ts_close = record.ts_close
        outside = self.outside.get(record.instrument_id)
        news = outside is None
        if outside is None:
            outside = self.outside[record.instrument_id] = _Outside(ts_close, ts_close)
        if not outside.count:
            outside.first = ts_close
        outside.last = ts_close
        outside.count += 1
        if news or ts_close % HOUR == 0:
            self._tell(record, outside, over=False)
            outside.count = 0

    def _tell(self, record: Closed, outside: _Outside, *, over: bool) -> None:
        self.passed.append(
            Passed(record.instrument_id, outside.first, outside.last, outside.count, _decided(record), over=over)
        )


def _decided(record: Closed) -> int:
    return max((said.ts_decided for said in record.records), default=record.ts_close)


def _unpacked(record: bytes | Closed) -> Closed:
    return record if isinstance(record, Closed) else _unpack(record)
