"""The control key's pure class: from membership records and heartbeats to whom the desk waits for at each close."""

from typing import Any, Final

import msgspec

from operators.closed import Standing
from operators.config import InstrumentConfig
from operators.errors import Refused, StateError
from operators.refusal import misplaced
from schemas.batches import Batch
from schemas.codec import DecodeError, decode_event
from schemas.deadletters import dead_letter
from schemas.market import CONTROL, Activation, Heartbeat, MarketEvent, Membership, Review, TapeEnd
from schemas.time import MINUTE, floor_to
from schemas.topics import LOG, Outgoing

__all__ = ["Control"]

_VERSION: Final = 1


class Control:
    """Members by source, in force from the first close that is not yet settled when the record is read.

    The control key is a member of the desk like any instrument: nothing is decided at a close before its record is
    there, so a membership takes effect at the same close in every replay.
    """

    def __init__(self, config: InstrumentConfig) -> None:
        self.config = config
        self._members: dict[str, list[str]] = {}
        self._told_to = 0
        self._changes: list[tuple[int, tuple[str, ...]]] = []

    def on_batch(self, batch: Batch) -> list[Outgoing | Standing]:
        """Take the messages of one read; what they gave rise to, in order."""
        out: list[Outgoing | Standing] = []
        for offset, ts_ms, value in batch.messages:
            try:
                standing = self.on_event(decode_event(value))
            except (DecodeError, Refused) as error:
                out.append(dead_letter(LOG, batch.partition, offset, ts_ms, CONTROL.encode(), value, str(error)))
            else:
                if standing is not None:
                    out.append(standing)
        return out

    def on_event(self, event: MarketEvent) -> Standing | None:
        """Take one record.

        Raises:
            Refused: of another key, of a type that belongs to an instrument, or from the future.
        """
        if event.instrument_id != CONTROL or event.ts_event > event.ts_received + self.config.future_tolerance:
            raise misplaced(event, CONTROL)
        settled = floor_to(event.ts_event - self.config.allowed_lateness, MINUTE)
        match event:
            case Membership():
                self._join(event, settled)
            case Heartbeat():
                return self._beat(settled)
            case Review() | Activation() | TapeEnd():
                pass  # without effect on whom to wait for
            case _:
                raise Refused(f"$.type: {type(event).__name__} belongs to an instrument, not to the control key")
        return None

    def _join(self, event: Membership, settled: int) -> None:
        before = self._all()
        self._members[event.source] = sorted(set(event.instrument_ids))
        if not self._members[event.source]:
            del self._members[event.source]
        after = self._all()
        if after == before:
            return
        ts_from = max(settled, self._told_to)
        if self._changes and self._changes[-1][0] >= ts_from:
            ts_from = self._changes.pop()[0]
        self._changes.append((ts_from, after))

    def _beat(self, settled: int) -> Standing | None:
        if settled <= self._told_to:
            return None
        self._told_to = settled
        changes, self._changes = self._changes, []
        return Standing(settled, changes)

    def _all(self) -> tuple[str, ...]:
        return tuple(sorted({member for members in self._members.values() for member in members}))

    def state(self) -> bytes:
        """The whole state, packed."""
        return msgspec.msgpack.encode([_VERSION, self._members, self._told_to, self._changes])

    @classmethod
    def restored(cls, packed: bytes, config: InstrumentConfig) -> "Control":
        """The control whose `state` this is.

        Raises:
            StateError: of another version.
        """
        version, members, told_to, changes = msgspec.msgpack.decode(packed, type=tuple[int, Any, int, Any])
        if version != _VERSION:
            raise StateError(f"control state has version {version}, this program reads {_VERSION}")
        self = cls(config)
        self._members, self._told_to = members, told_to
        self._changes = [(ts_from, tuple(ids)) for ts_from, ids in changes]
        return self
