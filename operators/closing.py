"""From trades and quotes in any order to closed bars and vectors of all timeframes."""

from typing import Any, Final, Literal

from operators.agreement import GivenBars
from operators.bars import OpenBar
from operators.closed import Closed
from operators.config import InstrumentConfig
from operators.errors import Refused
from operators.feature import Moment
from operators.features import SCHEMA_HASH, FeatureSet
from operators.flow.part import Flow
from operators.flow.recorder import Recorder
from operators.lateness import Lateness
from operators.listening import Listening
from operators.microstructure import BestQuote, BufferedTrade
from operators.native import quote_queue
from operators.numbering import TradeNumbers
from operators.outbox import Outbox
from operators.reorder import ReorderBuffer
from operators.seen import number_of
from operators.series import BarSeries
from operators.taints import Taints
from schemas.identifiers import derive
from schemas.layouts import Layout
from schemas.market import ExchangeBar, Side, Trade
from schemas.results import Absence, Bar, Vector
from schemas.time import MINUTE, TIMEFRAME_NS, TIMEFRAMES, Timeframe, due_timeframes, to_text

__all__ = ["BarMaker"]

_LAYOUT: Final = Layout("closing", 9)
_BASE: Final[Timeframe] = "1m"
_MOST_WAITING: Final = 50_000
"""Trades, and quotes, that can wait for a heartbeat: some ten seconds of the busiest market there is."""


class BarMaker:
    """Closes the minutes of one instrument, one after the other, and everything that ends with them.

    Trades and quotes come in any order; the caller says with `settle` how far event time can no longer change, and
    ends each minute with `close_minute`. Where an exchange or a history file gives whole bars (`give`) these stand
    for the trades, until a trade is settled that is in none of them; from then on the trades' own bars do. Features go
    forward in time only: history has to come before the first heartbeat, or else it is too late, and counted.
    """

    def __init__(
        self, config: InstrumentConfig, listening: Listening, taints: Taints, outbox: Outbox[Closed], recorder: Recorder
    ) -> None:
        self.closed_to: int | None = None
        """End of the last closed minute; trades before it are late."""
        self.last: Bar | None = None
        """The shortest bar of the last close, if there was one."""
        self._listening, self._taints, self._outbox = listening, taints, outbox
        self._instrument_id = outbox.instrument_id
        self._emitted = set(config.timeframes)
        self._origin: Literal["trades", "exchange"] | None = None
        self._given_to = 0  # close of the last bar that was given
        self._trades: ReorderBuffer[BufferedTrade] = ReorderBuffer(_MOST_WAITING)
        self._quotes = quote_queue(_MOST_WAITING, native=config.native)
        self._arrivals = 0
        self._numbers = TradeNumbers()
        self._lateness = Lateness()
        self._recorder = recorder
        self._given = GivenBars()
        self._series = {name: BarSeries(name, native=config.native) for name in TIMEFRAMES}
        self._features = {name: FeatureSet(name, native=config.native) for name in TIMEFRAMES}

    def begin(self, ts: int) -> None:
        """Closes are told from the minute on that begins at ``ts`` (ns), with a hole before it if there were others.

        What happened before it and is in no bar yet is too late.
        """
        self.closed_to = ts
        self._lateness.trades += sum(1 for trade in self._trades.release(ts) if trade[4])
        self._lateness.quotes += self._quotes.drop(ts)
        self._recorder.begin(ts)

    def add_trade(self, event: Trade) -> None:
        """Take a trade; a late one goes into the next revision of the bars it belongs to.

        Raises:
            Refused: too many wait for a heartbeat already.
        """
        ts, sequence = event.ts_event, event.sequence
        size = event.size if event.market else 0.0
        order = number_of(event.trade_id) if sequence is None else sequence
        if self.closed_to is not None and ts < self.closed_to:
            if size and not (self._listening.before(ts) and ts < self._given_to):  # else a bar that was given has it
                self._add_late((ts, order or 0), event.price, size, event.aggressor_side)
            return
        new = self._trades.new
        if len(new) >= self._trades.room:
            reason = f"{_MOST_WAITING} trades wait for a heartbeat, there is no room for more"
            self._taints.mark("trades", ts, f"{reason} at {to_text(ts)}")
            raise Refused(reason)
        self._arrivals += 1
        new.append((ts, order or 0, self._arrivals, event.price, size, event.aggressor_side, sequence))

    def pass_over(self) -> None:
        """Count a trade so old that nobody can tell any more whether it was taken before."""
        self._lateness.trades += 1

    def add_quote(self, ts: int, sequence: int, quote: BestQuote | None) -> None:
        """Take the best quotes as of ``ts`` (ns), ``None`` if they are lost; ``sequence`` is 0 where there is none.

        Raises:
            Refused: too many wait for a heartbeat already.
        """
        if self.closed_to is not None and ts < self.closed_to:
            if quote is not None:
                if not sequence or sequence > self._quotes.last:  # else it repeats one that was used, or is older
                    self._lateness.quotes += 1
                return
            ts = self.closed_to
        if not self._quotes.add(ts, sequence, quote):
            reason = f"{_MOST_WAITING} quotes wait for a heartbeat, there is no room for more"
            self._taints.mark("quotes", ts, f"{reason} at {to_text(ts)}")
            raise Refused(reason)

    def settle(self, before: int, ts_received: int) -> None:
        """Move what happened before ``before`` (ns) into the open bar, in event-time order."""
        trades = self._trades.release(before)
        if trades:
            self._settle_trades(trades, ts_received)
            self._recorder.trades(trades)
        for told, moves, lost in self._quotes.release(before):
            if told:
                self._series[_BASE].current(moves[0][0]).quotes(moves)
                self._recorder.quotes(told, moves)
            if lost is not None:
                self._recorder.lose_quotes(lost)

    def close_minute(self, ts_decided: int, moment: Moment) -> list[Vector | Absence]:
        """End the minute after `closed_to` and every longer bar that ends there."""
        assert self.closed_to is not None
        start, end = self.closed_to, self.closed_to + MINUTE
        self.settle(end, ts_decided)
        base = self._series[_BASE]
        bar = base.current(start)
        self._tell_breaks(bar)
        heard = self._listening.heard(start, end)
        if not bar.trades and (heard != "all" or self._origin == "exchange"):
            base.drop()  # nobody can say that nothing was traded, nor at which price the market stands now
        elif not self._listening.before(start):
            bar.flag("partial")
        elif heard != "all":
            bar.flag("gap")
        closed = base.close(end)
        flow = self._recorder.take(end, closed, heard=heard == "all")
        return self._end(_BASE, closed, flow, end, ts_decided, moment)

    def compare(self, event: ExchangeBar) -> None:
        """Hold a bar that was given against the one made of trades, now or when that is closed."""
        if self._origin == "exchange":
            return
        built = self._series[event.timeframe].closed(event.ts_open)
        if built is None or built.origin == "trades":
            self._tell_difference(self._given.given(event, built), event.ts_open, event.ts_event, event.ts_received)

    def wants(self, event: ExchangeBar) -> bool:
        """Whether a bar that was given tells something new; one that comes after its close was passed is counted."""
        first = self._listening.first
        if first is not None and event.ts_event <= first:
            self._lateness.bars += 1
            return False
        if self._origin == "trades" or event.ts_event <= self._given_to or event.ts_open < self._given_to:
            return False
        if self.closed_to is not None and event.ts_event <= self.closed_to:
            self._lateness.bars += 1
            return False
        return True

    def give(self, bar: OpenBar, event: ExchangeBar, moment: Moment) -> list[Vector | Absence]:
        """Take ``event`` as the closed ``bar``; it also closes the longer ones that end there."""
        waiting = self._trades.release(event.ts_event)
        if waiting:  # they are in it already
            self._settle_trades(waiting, event.ts_received)
        self.settle(event.ts_event, event.ts_received)
        self._numbers.take()
        self._origin, self._given_to = "exchange", event.ts_event
        base, own = self._series[_BASE], self._series[event.timeframe]
        if base.bar is not None and own is base:
            bar.absorb_quotes(base.bar)
        for series in self._series.values():
            if series.length <= own.length:
                series.drop()
        flow = self._recorder.take(event.ts_event, bar, heard=False)
        return self._end(event.timeframe, bar, flow, event.ts_event, event.ts_received, moment)

    def remind(self, ts_received: int) -> None:
        """Time stands still at ``ts_received`` (ns); what came late is told all the same, before long."""
        if self._lateness.overdue(ts_received):
            self.tell_late(ts_received)

    def tell_late(self, ts_received: int) -> None:
        """Tell what came late since the last close, as there may not be a next one."""
        bar = self._series[_BASE].bar
        if bar is not None:
            self._tell_breaks(bar)
        if self.closed_to is not None:
            self._lateness.tell(self._outbox, self.closed_to, self._listening.now or self.closed_to, ts_received)
            self._revise(ts_received)

    def _add_late(self, at: tuple[int, int], price: float, size: float, side: Side | None) -> None:
        kept = [series.late(at, price, size, side) for series in self._series.values()]
        if any(kept):
            self._lateness.revised += 1
        else:
            self._lateness.trades += 1

    def _settle_trades(self, trades: list[BufferedTrade], ts_received: int) -> None:
        bar, numbers = self._series[_BASE].current(trades[0][0]), self._numbers
        self._origin = "trades"
        for ts, _, _, _, _, _, sequence in trades:
            if sequence is not None:
                if sequence == numbers.last + 1:
                    numbers.last, numbers.at = sequence, ts
                else:
                    numbers.follow(sequence, ts, ts_received)
                    if numbers.full:
                        self._tell_breaks(bar)
        bar.add(trades)

    def _tell_breaks(self, bar: OpenBar) -> None:
        """What is missing when the bar ends that it would be in is lost."""
        for lost in self._numbers.take():
            reason = f"{lost.missing} trades missing" if lost.missing else "numbers begin anew"
            bar.flag("gap")
            self._taints.mark("trades", lost.end, f"{reason} at {to_text(lost.end)}")
            self._outbox.gap(
                "trade_sequence", lost.start, lost.end, lost.ts_received,
                expected=lost.expected, received=lost.received, count=lost.missing or 1, detail=reason,
            )  # fmt: skip

    def _end(
        self, shortest: Timeframe, first: OpenBar | None, flow: Flow, ts_close: int, ts_decided: int, moment: Moment
    ) -> list[Vector | Absence]:
        """Send bars of revision 0, then revisions of earlier ones, then what is said of each timeframe."""
        length = TIMEFRAME_NS[shortest]
        self.closed_to = ts_close
        self._lateness.tell(self._outbox, ts_close - length, ts_close, ts_decided)
        records: list[Vector | Absence] = []
        self.last = None if first is None else first.record(self._instrument_id, shortest, ts_decided)
        for series in self._series.values():
            if first is not None and series.length > length:
                series.absorb(first, length)
        self._pass_on(flow, length, ts_close)
        shorter: dict[str, float | None] | None = None
        for name in due_timeframes(ts_close):
            if TIMEFRAME_NS[name] < length:
                continue
            bar = first if name == shortest else self._series[name].close(ts_close)
            record = self._decide(name, bar, ts_close, ts_decided, moment, shorter)
            shorter = record.features if isinstance(record, Vector) else None
            if name in self._emitted:
                records.append(record)
                if bar is not None:
                    if bar.origin == "trades":
                        self._tell_difference(self._given.built(name, bar), bar.ts_open, ts_close, ts_decided)
                    given = self.last if bar is first else bar.record(self._instrument_id, name, ts_decided)
                    assert given is not None
                    self._outbox.put(given, ts_decided)
        self._revise(ts_decided)
        for record in records:
            self._outbox.put(record, ts_decided)
        return records

    def _tell_difference(self, detail: str, ts_open: int, ts_close: int, ts_received: int) -> None:
        if detail:
            self._outbox.gap("bar_differs", ts_open, ts_close, ts_received, detail=detail)

    def _pass_on(self, flow: Flow, length: int, ts_close: int) -> None:
        """Each timeframe from ``length`` (ns) up is told what happened when the next shorter one closes."""
        for name, features in self._features.items():
            if TIMEFRAME_NS[name] >= length:
                features.add_flow(flow)
                if ts_close % TIMEFRAME_NS[name]:
                    break
                flow = features.flow

    def _revise(self, ts_decided: int) -> None:
        for name, series in self._series.items():
            for revised in series.revisions():
                if name in self._emitted:
                    self._outbox.put(revised.record(self._instrument_id, name, ts_decided), ts_decided)

    def _decide(
        self, name: Timeframe, bar: OpenBar | None, ts_close: int, ts_decided: int, moment: Moment,
        shorter: dict[str, float | None] | None,
    ) -> Vector | Absence:  # fmt: skip
        features, identifier = self._features[name], derive("vector", self._instrument_id, name, ts_close)
        if bar is None or "partial" in bar.quality:
            features.skip()
            reason = "no bar: nobody listened, or no price is known" if bar is None else "the bar is partial"
            return Absence(
                id=identifier, instrument_id=self._instrument_id, timeframe=name, ts_close=ts_close,
                ts_decided=ts_decided, reason=reason,
            )  # fmt: skip
        return Vector(
            id=identifier, instrument_id=self._instrument_id, timeframe=name, ts_close=ts_close,
            ts_decided=ts_decided, schema_hash=SCHEMA_HASH, features=features.update(bar, moment, shorter),
            tainted=self._taints.of(name, ts_close), bid=moment.bid, ask=moment.ask,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Plain data for recovery."""
        return {
            "version": _LAYOUT.version,
            "closed": [self.closed_to, self._origin, self._given_to],
            "trades": self._trades.state(),
            "quotes": self._quotes.state(),
            "numbers": self._numbers.state(),
            "arrivals": self._arrivals,
            "lateness": self._lateness.state(),
            "recorder": self._recorder.state(),
            "series": {name: series.state() for name, series in self._series.items()},
            "given": self._given.state(),
            "features": {name: features.state() for name, features in self._features.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up ``state`` again.

        Raises:
            LayoutError: of a version from which no way leads here.
        """
        state = _LAYOUT.bring(state["version"], state)
        self.closed_to, self._origin, self._given_to = state["closed"]
        self._trades.restore(state["trades"])
        self._quotes.restore(state["quotes"])
        self._numbers.restore(state["numbers"])
        self._arrivals = state["arrivals"]
        self._lateness.restore(state["lateness"])
        self._recorder.restore(state["recorder"])
        self._given.restore(state["given"])
        for name in TIMEFRAMES:
            self._series[name].restore(state["series"][name])
            self._features[name].restore(state["features"][name])
