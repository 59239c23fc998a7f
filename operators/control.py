"""The control key's pure class: from membership records and heartbeats to whom the desk waits for at each close."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from operators.closed import Reading, Standing
from operators.config import InstrumentConfig
from operators.gate import Gate
from operators.outbox import Outbox
from schemas.batches import Batch
from schemas.layouts import Layout
from schemas.market import (
    CONTROL,
    Activation,
    ExternalMetric,
    Heartbeat,
    MacroEvent,
    Membership,
    Regimes,
    Review,
    TapeEnd,
)  # fmt: skip
from schemas.time import DAY, MINUTE, floor_to, to_text
from schemas.topics import Outgoing

__all__ = ["Control"]

_LAYOUT: Final = Layout("control", 5, {4: lambda state: [*state, 0]})
_FORGET: Final = DAY
"""Event time after which a silent ingester's instruments are forgotten: one that comes back says them again."""
_NAMED: Final = 10
"""Instruments, in the words of a record."""


class _Source(Struct, array_like=True):
    """An ingester and the instruments it feeds."""

    members: dict[str, int]
    """With the last close that was settled when each was named first: it has nothing to say up to there."""
    heard: int
    """Event time of its last sign of life, ns."""
    pause: int = 0
    """Between the last two; long where only bars are fed."""
    connected: bool = True
    left_out: bool = False

    def hear(self, ts: int) -> None:
        """It was alive at ``ts`` (ns); what is told twice, or of a time before, says nothing new."""
        self.connected = True
        if ts > self.heard:
            self.heard, self.pause = ts, ts - self.heard

    def silent(self, now: int, timeout: int) -> bool:
        """Whether it is not to be counted on at ``now`` (ns); who was left out has to come half as near to be again."""
        patience = max(timeout, 2 * self.pause)
        return not self.connected or now - self.heard > (patience // 2 if self.left_out else patience)


class Control:
    """Members by source, in force from the first close that has not been told of when the record is read.

    The control key is a member of the desk like any instrument: nothing is decided at a close before its record is
    there, so a membership takes effect at the same close in every replay. One who is left out is not waited for at any
    close that is still open, so nobody who has gone can hold the desk up.

    A source's membership lasts as long as its own heartbeats of this key come, and a close is told of when those of all
    sources have come to it: so a member has spoken, or is about to. When a source's stay away for longer than
    ``member_timeout`` (and twice its last pause) while time goes on by another's, or say that it is not connected, its
    instruments are left out, until it is heard again. The order of this one key decides, the same in every replay.
    """

    def __init__(self, config: InstrumentConfig) -> None:
        self.config = config
        self._outbox = Outbox[Standing | Reading](CONTROL)
        handlers: dict[type, Callable[[Any], object]] = {
            Membership: self._join,
            Heartbeat: self._beat,
            Review: _ignore,
            Activation: self._activate,
            ExternalMetric: self._read,
            MacroEvent: self._read,
            Regimes: self._read,
            TapeEnd: _ignore,
        }
        self._gate = Gate(handlers, config, self._outbox)
        self._sources: dict[str, _Source] = {}
        self._now = self._told_to = self._changed = 0

    def on_batch(self, batch: Batch) -> list[Outgoing | Standing | Reading]:
        """Take the messages of one read; what they gave rise to, in order."""
        self._gate.take(batch)
        return self._outbox.take()

    def _read(self, event: ExternalMetric | MacroEvent | Regimes) -> None:
        known = max(event.ts_event, event.ts_received, self._told_to + 1)
        self._outbox.tell(Reading(known, event))

    def _activate(self, event: Activation) -> None:
        known = max(event.effective_close, event.ts_event, event.ts_received, self._told_to + 1)
        self._outbox.tell(Reading(known, event))

    def _join(self, event: Membership) -> None:
        before = self._sources.get(event.source)
        if set(event.instrument_ids) != (set() if before is None else before.members.keys()):
            self._changed = event.ts_received
        if not event.instrument_ids:
            self._sources.pop(event.source, None)
            return
        source = self._sources.setdefault(event.source, _Source({}, event.ts_event))
        settled = self._settled(event.ts_event)
        source.members = {name: source.members.get(name, settled) for name in sorted(set(event.instrument_ids))}
        source.hear(event.ts_event)

    def _beat(self, event: Heartbeat) -> None:
        self._gate.reach(event.ts_received)
        source = self._sources.get(event.source)
        if source is not None:
            if event.connected:
                source.hear(event.ts_event)
            else:
                source.connected = False
        self._now = max(self._now, event.ts_event)
        self._review(event)
        counted = [source for source in self._sources.values() if not source.left_out]
        named = [member for source in counted for member in source.members.items()]
        settled = self._settled(min([self._now, *(source.heard for source in counted)]))
        for close in sorted({settled, *(since for _, since in named)}):
            if self._told_to < close <= settled:
                self._told_to = close
                members = tuple(sorted({name for name, since in named if since < close}))
                self._outbox.tell(Standing(close, members, self._changed))

    def _settled(self, ts: int) -> int:
        """The last close that can be told of at ``ts`` (ns)."""
        return floor_to(ts - self.config.allowed_lateness, MINUTE)

    def _review(self, event: Heartbeat) -> None:
        """Leave out who has gone silent, and take in who is back."""
        for name, source in list(self._sources.items()):
            silent = source.silent(self._now, self.config.member_timeout)
            if silent is not source.left_out:
                source.left_out, self._changed = silent, event.ts_received
                self._tell(name, source, event)
            if silent and self._now - source.heard > _FORGET:
                del self._sources[name]

    def _tell(self, name: str, source: _Source, event: Heartbeat) -> None:
        what = f"silent since {to_text(source.heard)}, no longer" if source.left_out else "heard again,"
        listed = ", ".join(list(source.members)[:_NAMED])
        more = f" and {len(source.members) - _NAMED} more" if len(source.members) > _NAMED else ""
        self._outbox.gap(
            "left_out", source.heard if source.left_out else self._told_to, self._now, event.ts_received,
            count=len(source.members),
            detail=f"source {name} is {what} counted on for {listed}{more} after the close {to_text(self._told_to)}",
        )  # fmt: skip

    def state(self) -> bytes:
        """The whole state, sealed."""
        return _LAYOUT.seal([self._sources, self._now, self._told_to, self._gate.state(), self._changed])

    @classmethod
    def restored(cls, packed: bytes, config: InstrumentConfig) -> "Control":
        """The control whose `state` this is.

        Raises:
            LayoutError: damaged, or of a version from which no way leads here.
        """
        self = cls(config)
        state = msgspec.convert(_LAYOUT.unseal(packed), tuple[dict[str, _Source], int, int, list[Any], int])
        self._sources, self._now, self._told_to, gate, self._changed = state
        self._gate.restore(gate)
        return self


def _ignore(_event: object) -> None:
    """Without effect on whom to wait for."""
