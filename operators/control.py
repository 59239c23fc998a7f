"""The control key's pure class: from membership records and heartbeats to whom the desk waits for at each close."""

from typing import Final

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
    """Members by source, in force from the first close that has not been told of when the record is read.

    The control key is a member of the desk like any instrument: nothing is decided at a close before its record is
    there, so a membership takes effect at the same close in every replay. One who is left out is not waited for at any
    close that is still open, so nobody who has gone can hold the desk up.
    """

    def __init__(self, config: InstrumentConfig) -> None:
        self.config = config
        self._members: dict[str, list[str]] = {}
        self._told_to = 0

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
        match event:
            case Membership():
                self._join(event)
            case Heartbeat():
                return self._beat(event)
            case Review() | Activation() | TapeEnd():
                pass  # without effect on whom to wait for
            case _:
                raise Refused(f"$.type: {type(event).__name__} belongs to an instrument, not to the control key")
        return None

    def _join(self, event: Membership) -> None:
        if event.instrument_ids:
            self._members[event.source] = sorted(set(event.instrument_ids))
        else:
            self._members.pop(event.source, None)

    def _beat(self, event: Heartbeat) -> Standing | None:
        settled = floor_to(event.ts_event - self.config.allowed_lateness, MINUTE)
        if settled <= self._told_to:
            return None
        self._told_to = settled
        return Standing(settled, tuple(sorted({member for members in self._members.values() for member in members})))

    def state(self) -> bytes:
        """The whole state, packed."""
        return msgspec.msgpack.encode([_VERSION, self._members, self._told_to])

    @classmethod
    def restored(cls, packed: bytes, config: InstrumentConfig) -> "Control":
        """The control whose `state` this is.

        Raises:
            StateError: of another version.
        """
        version, *state = msgspec.msgpack.decode(packed)
        if version != _VERSION:
            raise StateError(f"control state has version {version}, this program reads {_VERSION}")
        self = cls(config)
        self._members, self._told_to = state
        return self
