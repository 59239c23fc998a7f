"""Everything that happens to one instrument, record by record in the order of the log: the keyed step's pure class."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from operators.book import Break, OrderBook
from operators.checksum import CHECKSUMS, decimals_of
from operators.closed import Closed
from operators.closing import BarMaker
from operators.config import InstrumentConfig
from operators.derivatives import Derivatives
from operators.errors import OperatorError, StateError
from operators.features import Input, Moment, Taints
from operators.listening import Listening
from operators.microstructure import imbalance, microprice, spread_bps
from operators.outbox import outgoing
from operators.seen import SeenIds
from schemas.batches import Batch
from schemas.codec import DecodeError, decode_event
from schemas.deadletters import dead_letter
from schemas.identifiers import derive
from schemas.market import (
    BookDelta,
    BookSnapshot,
    ExchangeBar,
    ExternalMetric,
    FundingRate,
    Heartbeat,
    InstrumentDefinition,
    Liquidation,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Quote,
    TapeEnd,
    Trade,
)  # fmt: skip
from schemas.results import BookSample, Gap, GapKind
from schemas.time import DAY, MINUTE, floor_to, to_text
from schemas.topics import LOG, Outgoing

__all__ = ["Instrument", "Refused"]

_VERSION: Final = 1
_LEVELS_SAMPLED: Final = 10
_INPUTS: Final[tuple[Input, ...]] = ("trades", "quotes", "book", "derivatives")


class Refused(OperatorError):
    """A record that was read but cannot be believed; it goes to the dead letters with this reason."""


class Instrument:
    """Book, bars, derivatives and features of one instrument.

    Only heartbeats (and exchange bars) move time on, so no single odd record can close a bar early. Nothing here
    reads a clock: the same records in the same order give the same bytes.
    """

    def __init__(self, instrument_id: str, config: InstrumentConfig) -> None:
        self.instrument_id = instrument_id
        self.config = config
        self.definition: InstrumentDefinition | None = None
        self.book = OrderBook(CHECKSUMS.get(instrument_id.partition(":")[0]), config.book_depth)
        self.bars = BarMaker(instrument_id, config)
        self.derivatives = Derivatives()
        self.listening = Listening(config.heartbeat_timeout)
        self.taints = Taints()
        self._seen = SeenIds()
        self._quote: tuple[int, float, float, float, float] | None = None  # sequence, bid, its size, ask, its size
        self._quoted = False  # the venue sends quotes; otherwise the book's best levels stand in
        self._arrivals = 0
        self._late = self._too_late = 0
        self._book_event = self._next_sample = 0
        self._out: list[Outgoing | Closed] = []
        self._handlers: dict[type, Callable[[Any], object]] = {
            Trade: self._on_trade,
            Quote: self._on_quote,
            BookDelta: self._on_delta,
            BookSnapshot: self._on_snapshot,
            Heartbeat: self._on_heartbeat,
            MarkPrice: self.derivatives.on_mark,
            FundingRate: self.derivatives.on_funding,
            OpenInterest: self.derivatives.on_open_interest,
            Liquidation: self.derivatives.on_liquidation,
            InstrumentDefinition: self._on_definition,
            ExchangeBar: self._on_exchange_bar,
            ExternalMetric: _ignore,
            TapeEnd: _ignore,
        }

    def on_batch(self, batch: Batch) -> list[Outgoing | Closed]:
        """Take the messages of one read; what they gave rise to, in order."""
        self._out = []
        for offset, ts_ms, value in batch.messages:
            try:
                self.on_event(decode_event(value))
            except (DecodeError, Refused) as error:
                key = self.instrument_id.encode()
                self._out.append(dead_letter(LOG, batch.partition, offset, ts_ms, key, value, str(error)))
        return self._out

    def on_event(self, event: MarketEvent) -> None:
        """Take one record.

        Raises:
            Refused: of another instrument, of a type that has no business here, or from the future.
        """
        if event.instrument_id != self.instrument_id:
            raise Refused(f"$.instrument_id is {event.instrument_id!r}, the message's key is {self.instrument_id!r}")
        if event.ts_event > event.ts_received + self.config.future_tolerance:
            ahead = (event.ts_event - event.ts_received) / 1e9
            raise Refused(f"$.ts_event is from the future: {ahead:.3f} s after it was received")
        handler = self._handlers.get(type(event))
        if handler is None:
            raise Refused(f"$.type: {type(event).__name__} belongs to the control key, not to an instrument")
        handler(event)

    def _on_trade(self, event: Trade) -> None:
        if event.trade_id is not None and not self._seen.add(event.trade_id):
            return
        sequence = event.sequence or 0
        size = event.size if event.market else 0.0
        closed_to = self.bars.closed_to
        if closed_to is not None and event.ts_event < closed_to:
            if size:
                kept = self.bars.late((event.ts_event, sequence), event.price, size, event.aggressor_side)
                self._late += kept
                self._too_late += not kept
            return
        self._arrivals += 1
        self.bars.trades.items.append(
            (event.ts_event, sequence, self._arrivals, event.price, size, event.aggressor_side)
        )

    def _on_quote(self, event: Quote) -> None:
        if event.bid_price >= event.ask_price:
            raise Refused(f"$.bid_price {event.bid_price} is not below $.ask_price {event.ask_price}")
        self._quoted = True
        sequence = event.sequence or 0
        if self._quote is None or not sequence or sequence > self._quote[0]:
            self._quote = (sequence, event.bid_price, event.bid_size, event.ask_price, event.ask_size)
        self._buffer_quote(event.ts_event, sequence, event.bid_price, event.bid_size, event.ask_price, event.ask_size)

    def _buffer_quote(self, ts: int, sequence: int, bid: float, bid_size: float, ask: float, ask_size: float) -> None:
        if self.bars.closed_to is None or ts >= self.bars.closed_to:
            self._arrivals += 1
            self.bars.quotes.items.append((ts, sequence, self._arrivals, bid, bid_size, ask, ask_size))

    def _on_delta(self, event: BookDelta) -> None:
        broken = self.book.on_delta(event)
        self._after_book(event, broken)

    def _on_snapshot(self, event: BookSnapshot) -> None:
        was_lost = not self.book.synchronised and self.book.gaps > 0
        broken = self.book.on_snapshot(event)
        if was_lost and self.book.synchronised:
            self._gap("book_resync", self._book_event, event.ts_event, event.ts_received, received=event.sequence)
        self._after_book(event, broken)

    def _after_book(self, event: BookDelta | BookSnapshot, broken: Break | None) -> None:
        if broken is not None:
            self._lose_book(broken, event)
        elif not self._quoted and self.book.synchronised:
            self._quote_from_book(event)
        self._book_event = event.ts_event

    def _quote_from_book(self, event: BookDelta | BookSnapshot) -> None:
        top = self.book.top(1)
        if top is None:
            self._quote = None
            return
        (bid,), (bid_size,), (ask,), (ask_size,) = top
        if bid >= ask:
            self._check_crossing(event)
            return
        if self._quote is None or self._quote[1:] != (bid, bid_size, ask, ask_size):
            self._quote = (0, bid, bid_size, ask, ask_size)
            self._buffer_quote(event.ts_event, 0, bid, bid_size, ask, ask_size)

    def _check_crossing(self, event: BookDelta | BookSnapshot | Heartbeat) -> None:
        if self.book.synchronised and self.book.crossed:
            self.book.lose()
            self._lose_book(Break("book_crossed", None, None), event)

    def _lose_book(self, broken: Break, event: BookDelta | BookSnapshot | Heartbeat) -> None:
        reason = f"{broken.kind} at {to_text(event.ts_event)}"
        self.taints.mark("book", event.ts_event, reason)
        if not self._quoted:
            self._quote = None
            self.taints.mark("quotes", event.ts_event, reason)
        self._gap(
            broken.kind, self._book_event, event.ts_event, event.ts_received,
            expected=broken.expected, received=broken.received,
        )  # fmt: skip

    def _on_definition(self, event: InstrumentDefinition) -> None:
        known = self.definition
        self.book.decimals = (decimals_of(event.tick_size), decimals_of(event.lot_size))
        self.definition = event
        if known is None or known != msgspec.structs.replace(
            event, ts_event=known.ts_event, ts_received=known.ts_received
        ):
            identifier = derive("instrument", self.instrument_id, event.ts_event, event.ts_received)
            self._emit(event, identifier, event.ts_received)

    def _on_exchange_bar(self, event: ExchangeBar) -> None:
        closed_to = self.bars.closed_to
        if closed_to is not None and event.ts_event <= closed_to:
            return  # known already, from trades or from an earlier reading of the same history
        self._publish(event.ts_event, event.ts_received, *self.bars.exchange_bar(event, self.taints, self._moment()))

    def _on_heartbeat(self, event: Heartbeat) -> None:
        silence = self.listening.beat(event.ts_event, connected=event.connected)
        if silence is not None:
            self._silent(silence, event)
        if self.listening.now != event.ts_event:
            return
        settled = event.ts_event - self.config.allowed_lateness
        if self.bars.closed_to is None:
            self.bars.closed_to = floor_to(settled, MINUTE)
        self._check_crossing(event)
        self._close_until(settled, event)
        self.bars.settle(settled, lambda expected, found, ts: self._hole(expected, found, ts, event.ts_received))
        if event.ts_event >= self._next_sample:
            self._sample_book(event)

    def _silent(self, silence: tuple[int, int], event: Heartbeat) -> None:
        self.book.disconnect()
        for source in _INPUTS:
            self.taints.mark(source, silence[1], f"nobody listened until {to_text(silence[1])}")
        detail = "listening again" if event.connected else "nobody listens"
        self._gap("disconnected", *silence, event.ts_received, detail=detail)

    def _hole(self, expected: int, found: int, ts: int, ts_received: int) -> None:
        self.taints.mark("trades", ts, f"{found - expected} trades missing at {to_text(ts)}")
        self._gap("trade_sequence", ts, ts, ts_received, expected=expected, received=found, count=found - expected)

    def _close_until(self, settled: int, event: Heartbeat) -> None:
        closed_to = self.bars.closed_to
        assert closed_to is not None
        while closed_to + MINUTE <= settled:
            end = closed_to + MINUTE
            self.bars.settle(end, lambda expected, found, ts: self._hole(expected, found, ts, event.ts_received))
            self._tell_late(end, event.ts_received)
            ended = self.bars.close_minute(event.ts_received, self.listening, self.taints, self._moment())
            self._publish(end, event.ts_received, *ended)
            closed_to = end
            if closed_to % DAY == 0 and self.listening.heard(closed_to, floor_to(settled, DAY)) == "nothing":
                closed_to = floor_to(settled, DAY)  # whole days of silence hold nothing that could be said
                self.bars.skip_to(closed_to)
        self.listening.forget(closed_to)

    def _publish(self, ts_close: int, ts_decided: int, bars: list[Any], records: list[Any]) -> None:
        for record in (*bars, *records):
            self._emit(record, record.id, ts_decided)
        self._out.append(Closed(self.instrument_id, ts_close, records, self.definition))

    def _tell_late(self, ts_close: int, ts_received: int) -> None:
        if self._late:
            self._gap("late", ts_close - MINUTE, ts_close, ts_received, count=self._late)
        if self._too_late:
            self._gap("too_late", ts_close - MINUTE, ts_close, ts_received, count=self._too_late)
        self._late = self._too_late = 0

    def _moment(self) -> Moment:
        quote, funding, basis = self._quote, self.derivatives.funding_rate, self.derivatives.basis_bps
        if quote is None or not self.listening.connected:
            return Moment(funding_rate=funding, basis_bps=basis)
        _, bid, bid_size, ask, ask_size = quote
        micro = microprice(bid, bid_size, ask, ask_size)
        return Moment(
            spread=ask - bid,
            spread_bps=spread_bps(bid, ask),
            microprice=micro,
            microprice_bps=None if micro is None else 10_000.0 * (2.0 * micro / (bid + ask) - 1.0),
            obi_1=self._imbalance(1),
            obi_5=self._imbalance(5),
            obi_10=self._imbalance(10),
            obi_20=self._imbalance(20),
            funding_rate=funding,
            basis_bps=basis,
            bid=bid,
            ask=ask,
        )

    def _imbalance(self, count: int) -> float | None:
        top = self.book.top(count)
        if top is None or len(top[0]) < count or len(top[2]) < count:
            return None
        return imbalance(top[1], top[3])

    def _sample_book(self, event: Heartbeat) -> None:
        step = self.config.book_sample
        self._next_sample = floor_to(event.ts_event, step) + step
        top = self.book.top(_LEVELS_SAMPLED)
        if top is None:
            quote = self._quote
            top = ([], [], [], []) if quote is None else ([quote[1]], [quote[2]], [quote[3]], [quote[4]])
        identifier = derive("book", self.instrument_id, floor_to(event.ts_event, step))
        sample = BookSample(
            id=identifier, instrument_id=self.instrument_id, ts_event=event.ts_event,
            bid_prices=top[0], bid_sizes=top[1], ask_prices=top[2], ask_sizes=top[3],
            imbalance=imbalance(top[1], top[3]), stale=not self.book.synchronised,
        )  # fmt: skip
        self._emit(sample, identifier, event.ts_received)

    def _gap(self, kind: GapKind, start: int, end: int, ts_received: int, **more: Any) -> None:
        identifier = derive("gap", self.instrument_id, kind, start, end, more.get("received") or 0)
        gap = Gap(
            id=identifier, instrument_id=self.instrument_id, kind=kind, ts_start=start, ts_end=end,
            ts_received=ts_received, **more,
        )  # fmt: skip
        self._emit(gap, identifier, ts_received)

    def _emit(self, record: Any, identifier: str, ts: int) -> None:
        self._out.append(outgoing(record, key=self.instrument_id, identifier=identifier, ts=ts))

    def state(self) -> bytes:
        """The whole state, packed; plain data of a stated version."""
        return msgspec.msgpack.encode(
            {
                "version": _VERSION,
                "instrument_id": self.instrument_id,
                "definition": self.definition,
                "book": self.book.state(),
                "bars": self.bars.state(),
                "derivatives": self.derivatives.state(),
                "listening": self.listening.state(),
                "taints": self.taints.state(),
                "seen": self._seen.state(),
                "quote": [self._quote, self._quoted],
                "counts": [self._arrivals, self._late, self._too_late, self._book_event, self._next_sample],
            }
        )

    @classmethod
    def restored(cls, packed: bytes, config: InstrumentConfig) -> "Instrument":
        """The instrument whose `state` this is, to the bit.

        Raises:
            StateError: of another version, or of another feature catalogue.
        """
        state = msgspec.msgpack.decode(packed)
        if state["version"] != _VERSION:
            raise StateError(f"instrument state has version {state['version']}, this program reads {_VERSION}")
        self = cls(state["instrument_id"], config)
        if state["definition"] is not None:
            self.definition = msgspec.convert(state["definition"], InstrumentDefinition)
        state["book"]["pending"] = [msgspec.convert(delta, BookDelta) for delta in state["book"]["pending"]]
        self.book.restore(state["book"])
        self.bars.restore(state["bars"])
        self.derivatives.restore(state["derivatives"])
        self.listening.restore(state["listening"])
        self.taints.restore(state["taints"])
        self._seen.restore(state["seen"])
        quote, self._quoted = state["quote"]
        self._quote = None if quote is None else tuple(quote)
        self._arrivals, self._late, self._too_late, self._book_event, self._next_sample = state["counts"]
        return self


def _ignore(_event: object) -> None:
    """Known, and without effect on this step."""
