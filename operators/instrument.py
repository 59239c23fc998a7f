"""Everything that happens to one instrument, record by record in the order of the log: the keyed step's pure class."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from operators.checksum import decimals_of
from operators.closed import Closed
from operators.closing import BarMaker
from operators.config import InstrumentConfig
from operators.derivatives import Derivatives
from operators.feature import Input, Moment
from operators.flow.recorder import Recorder
from operators.gate import Gate
from operators.listening import Listening
from operators.native import bars, fast_path
from operators.native.twins import compiled
from operators.outbox import Outbox
from operators.quoting import Quoting
from operators.seen import SeenIds
from operators.taints import Taints
from schemas.batches import Batch
from schemas.layouts import Layout
from schemas.market import (
    BookDelta,
    BookSnapshot,
    ExchangeBar,
    FundingRate,
    Heartbeat,
    InstrumentDefinition,
    Liquidation,
    LongShortRatio,
    MarkPrice,
    OpenInterest,
    Quote,
    TapeEnd,
    Trade,
)  # fmt: skip
from schemas.results import Absence, Vector
from schemas.time import DAY, MINUTE, floor_to, to_text
from schemas.topics import Outgoing

__all__ = ["Instrument"]

_LAYOUT: Final = Layout("instrument", 3)
_PROFILED: Final = 5 * MINUTE
"""Estimated liquidation levels are told so often: a chart has no finer use for them."""
_INPUTS: Final[tuple[Input, ...]] = ("trades", "quotes", "book", "derivatives")


class Instrument:
    """Book, bars, derivatives and features of one instrument.

    Only heartbeats (and exchange bars) move time on, so no single odd record can close a bar early. Nothing here
    reads a clock: the same records in the same order give the same bytes.
    """

    def __init__(self, instrument_id: str, config: InstrumentConfig) -> None:
        self.instrument_id = instrument_id
        self.config = config
        self._definition: InstrumentDefinition | None = None
        self._outbox = Outbox[Closed](instrument_id)
        self._listening = Listening(config.heartbeat_timeout)
        self._taints = Taints()
        self._seen = SeenIds(config.allowed_lateness + config.future_tolerance)
        self._derivatives = Derivatives()
        recorder = compiled(Recorder()) if config.native else Recorder()
        self._bars = BarMaker(config, self._listening, self._taints, self._outbox, recorder)
        self._quoting = Quoting(config, self._taints, self._outbox, recorder, self._bars.add_quote)
        handlers: dict[type, Callable[[Any], object]] = {
            Trade: self._on_trade,
            Quote: self._quoting.on_quote,
            BookDelta: self._quoting.on_delta,
            BookSnapshot: self._quoting.on_snapshot,
            Heartbeat: self._on_heartbeat,
            MarkPrice: self._derivatives.on_mark,
            FundingRate: self._derivatives.on_funding,
            OpenInterest: self._derivatives.on_open_interest,
            LongShortRatio: self._derivatives.on_ratio,
            Liquidation: self._on_liquidation,
            InstrumentDefinition: self._on_definition,
            ExchangeBar: self._on_exchange_bar,
            TapeEnd: self._on_end,
        }
        fast = fast_path(instrument_id, config, self._quoting, self._bars, recorder, self._seen)
        self._gate = Gate(handlers, config, self._outbox, fast)

    def begin_late(self, ts: int) -> None:
        """What came before ``ts`` (ns) is not known."""
        for source in _INPUTS:
            self._taints.mark(source, ts, f"the state begins at {to_text(ts)}")

    def on_batch(self, batch: Batch) -> list[Outgoing | Closed]:
        """Take the messages of one read; what they gave rise to, in order."""
        self._gate.take(batch)
        return self._outbox.take()

    def _on_trade(self, event: Trade) -> None:
        identifier = event.trade_id
        if identifier is None and event.sequence is not None:
            identifier = str(event.sequence)
        new = identifier is None or self._seen.add(identifier, event.ts_event)
        if new:
            self._bars.add_trade(event)
        elif new is None:
            self._bars.pass_over()

    def _on_liquidation(self, event: Liquidation) -> None:
        if self._seen.add(f"liquidation {event.ts_event} {event.side} {event.price} {event.size}", event.ts_event):
            self._derivatives.on_liquidation(event, self._definition)

    def _on_definition(self, event: InstrumentDefinition) -> None:
        known = self._definition
        if known is not None and event.ts_event < known.ts_event:
            return
        self._definition = event
        self._quoting.book.decimals = (decimals_of(event.tick_size), decimals_of(event.lot_size))
        if known is None or known != replace(event, ts_event=known.ts_event, ts_received=known.ts_received):
            self._outbox.define(event)

    def _on_exchange_bar(self, event: ExchangeBar) -> None:
        bar = bars(native=self.config.native).of(event)
        self._bars.compare(event)
        self._gate.reach(event.ts_received)
        if not self._bars.wants(event):
            return
        silence = self._listening.cover(event.ts_open, event.ts_event)
        if silence is not None:
            self._silent(silence, event.ts_received, "no bar was given")
        if self._bars.closed_to is None:
            self._bars.begin(event.ts_open)
        self._close_until(event.ts_open, event.ts_received)
        self._derivatives.on_bar(event.low, event.high, event.close)
        moment = self._moment()
        if moment.bid is None:
            bid, ask = (event.close * (1.0 + side * self.config.half_spread) for side in (-1, 1))
            moment = replace(moment, bid=bid, ask=ask)
        self._tell_close(event.ts_event, event.ts_received, self._bars.give(bar, event, moment))

    def _on_heartbeat(self, event: Heartbeat) -> None:
        self._gate.reach(event.ts_received)
        before = self._listening.now
        silence = self._listening.beat(event.ts_event, connected=event.connected, source=event.source)
        if self._listening.now == before:
            self._bars.remind(event.ts_received)
            return
        if silence is not None:
            self._silent(silence, event.ts_received, "listening again" if event.connected else "nobody listens")
        settled = event.ts_event - self.config.allowed_lateness
        if self._bars.closed_to is None:
            self._bars.begin(floor_to(settled, MINUTE))
        self._quoting.check_crossing(event)
        self._close_until(settled, event.ts_received)
        self._bars.settle(settled, event.ts_received)
        self._quoting.sample(event)

    def _on_end(self, event: TapeEnd) -> None:
        self._bars.tell_late(event.ts_received)

    def _silent(self, silence: tuple[int, int], ts_received: int, detail: str) -> None:
        self._quoting.forget(silence[0])
        self._derivatives.forget()
        for source in _INPUTS:
            self._taints.mark(source, silence[1], f"nobody listened until {to_text(silence[1])}")
        self._outbox.gap("disconnected", *silence, ts_received, detail=detail)

    def _close_until(self, ts: int, ts_received: int) -> None:
        """End the minutes up to ``ts`` (ns) that have not ended yet; whole days of silence are left out."""
        closed_to = self._bars.closed_to
        assert closed_to is not None
        if closed_to + MINUTE > ts:
            return
        moment = self._moment()
        while closed_to + MINUTE <= ts:
            today = floor_to(ts, DAY)
            if closed_to % DAY == 0 and closed_to < today and self._listening.heard(closed_to, today) == "nothing":
                self._bars.begin(today)
                closed_to = today
                continue
            closed_to += MINUTE
            self._tell_close(closed_to, ts_received, self._bars.close_minute(ts_received, moment))
        self._listening.forget(closed_to)

    def _tell_close(self, ts_close: int, ts_decided: int, records: list[Vector | Absence]) -> None:
        if ts_close % _PROFILED == 0:
            profile = self._derivatives.level_profile(self.instrument_id, ts_close, ts_decided)
            if profile is not None:
                self._outbox.put(profile, ts_decided)
        self._outbox.tell(Closed(self.instrument_id, ts_close, records, self._definition, self._bars.last))

    def _moment(self) -> Moment:
        if not self._listening.connected:
            return self._derivatives.read(Moment(lost=self._taints.lost))
        moment = replace(self._quoting.moment(), lost=self._taints.lost)
        return self._derivatives.read(moment, self._quoting.told(moment))

    def state(self) -> bytes:
        """The whole state, sealed."""
        return _LAYOUT.seal(
            {
                "instrument_id": self.instrument_id,
                "definition": self._definition,
                "quoting": self._quoting.state(),
                "bars": self._bars.state(),
                "derivatives": self._derivatives.state(),
                "listening": self._listening.state(),
                "taints": self._taints.state(),
                "seen": self._seen.state(),
                "gate": self._gate.state(),
            }
        )

    @classmethod
    def restored(cls, packed: bytes, config: InstrumentConfig) -> "Instrument":
        """The instrument whose `state` this is, to the bit.

        Raises:
            LayoutError: damaged, or of a version from which no way leads here.
            StateError: of another feature catalogue.
        """
        state = _LAYOUT.unseal(packed)
        self = cls(state["instrument_id"], config)
        if state["definition"] is not None:
            self._definition = msgspec.convert(state["definition"], InstrumentDefinition)
        self._quoting.restore(state["quoting"])
        self._bars.restore(state["bars"])
        self._derivatives.restore(state["derivatives"])
        self._listening.restore(state["listening"])
        self._taints.restore(state["taints"])
        self._seen.restore(state["seen"])
        self._gate.restore(state["gate"])
        return self


def _ignore(_event: object) -> None:
    """Known, and without effect on this step."""
