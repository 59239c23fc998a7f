"""The triple barrier: what became of a candidate, bar by bar, priced at bid and ask and after all costs.

López de Prado, Advances in Financial Machine Learning, 2018, chapter 3, with the candidate's own stop, target and
horizon as barriers. The same class labels data sets and scores signals as they are live.
"""

from typing import Literal, NamedTuple, cast

from msgspec import Struct
from msgspec.structs import replace

from models.costs import Costs
from models.errors import ModelError
from schemas.market import InstrumentDefinition
from schemas.results import Bar
from schemas.signals import Signal
from schemas.time import SECOND, floor_to

__all__ = ["Bracket", "Label", "TripleBarrier"]


class Bracket(Struct, frozen=True, kw_only=True):
    """A candidate as orders: enter with a limit, then a stop, a target and an end."""

    candidate_id: str
    instrument_id: str
    sign: Literal[1, -1]
    """1 long, -1 short."""
    limit: float
    """The worst price at which to enter: the outer end of the entry zone."""
    stop: float
    targets: list[float]
    """Nearest first; the second ends the trade, as in the signal's risk/reward."""
    ts_decided: int
    expiry: int
    """ns; an entry not filled by then is void."""
    ts_horizon: int
    """ns; what is still open then ends at the market."""
    notional: float | None = None
    """Quote currency; ``None``: that of the costs."""
    taker_fee: float | None = None
    """The instrument's own."""

    @classmethod
    def of(cls, signal: Signal, definition: InstrumentDefinition | None = None) -> "Bracket":
        """Of ``signal``; ``definition`` says what its size is worth and what the exchange charges.

        Raises:
            ModelError: it is neither long nor short.
        """
        if signal.direction == "neutral":
            raise ModelError(f"signal {signal.id}: direction neutral is no trade, long or short is needed")
        up = signal.direction == "long"
        notional = None
        if signal.size and definition is not None and not definition.inverse:
            notional = signal.size * definition.contract_multiplier * (signal.bid + signal.ask) / 2
        return cls(
            candidate_id=signal.id,
            instrument_id=signal.instrument_id,
            sign=1 if up else -1,
            limit=signal.entry_high if up else signal.entry_low,
            stop=signal.stop,
            targets=signal.targets,
            ts_decided=signal.ts_decided,
            expiry=signal.expiry,
            ts_horizon=signal.ts_event + signal.horizon,
            notional=notional,
            taker_fee=None if definition is None else definition.taker_fee,
        )


class Label(Struct, frozen=True, kw_only=True):
    """What became of a candidate. Returns and costs are fractions of the notional at entry."""

    candidate_id: str
    instrument_id: str
    status: Literal["target", "stop", "horizon", "unfilled"]
    ts_end: int
    """From when on it is known: ``ts_decided`` of the bar that ended it."""
    spread_model: bool
    """Whether bid and ask were made of trade prices by the stated half-spread, as the bars had none."""
    gap: bool
    """Whether bars were missing on the way."""
    reached: int = 0
    """How many of the targets had been touched."""
    ts_entry: int | None = None
    entry: float | None = None
    ts_exit: int | None = None
    """Of prices within a bar, the bar's close: it is not known better."""
    exit: float | None = None
    gross_return: float | None = None
    fees: float | None = None
    slippage: float | None = None
    funding: float | None = None
    """Paid if positive."""
    net_return: float | None = None

    @property
    def win(self) -> bool | None:
        """Whether it ended with a net profit; ``None``: it was never entered."""
        return None if self.net_return is None else self.net_return > 0


_Prices = tuple[float, float, float, float]
_Status = Literal["target", "stop", "horizon", "unfilled"]


class _Sides(NamedTuple):
    """A bar's prices times the sign, so that a short looks like a long."""

    entry_first: float
    entry_low: float
    exit_first: float
    exit_low: float
    exit_high: float
    exit_last: float


class TripleBarrier(Struct, kw_only=True):
    """A bracket on its way, fed with the instrument's bars of one timeframe in order; plain data for recovery.

    Entry: a limit order that is at the exchange ``latency`` after the decision. It is filled at the first ask (short:
    bid) of the first bar that begins from then on, if that is not beyond the limit, else at the limit once a bar
    touches it. Bars without quotes cannot tell what happened in a latency shorter than they are: there the first one
    that begins from the decision on counts. Who finds the market beyond the stop or the target already does not enter.

    Exit, at bid (short: ask): a bar that opens beyond the stop ends it at that price. The stop comes first where one
    bar holds both, and is the only barrier of a bar in whose midst the entry was filled. A target pays its own price
    and no more. What is open at the horizon ends at the last price of the bar that reaches it.

    >>> from schemas.time import MINUTE
    >>> bracket = Bracket(
    ...     candidate_id="c", instrument_id="i:A/B", sign=1, limit=101.0, stop=99.0, targets=[101.0, 103.0, 105.0],
    ...     ts_decided=0, expiry=3 * MINUTE, ts_horizon=24 * MINUTE,
    ... )
    >>> barrier = TripleBarrier(bracket=bracket, costs=Costs(half_spread=0.0, slippage=0.0))
    >>> def bar(at, low, high):
    ...     return Bar(
    ...         id="", instrument_id="i:A/B", timeframe="1m", ts_open=at * MINUTE, ts_close=(at + 1) * MINUTE,
    ...         ts_decided=(at + 1) * MINUTE, revision=0, open=100.0, high=high, low=low, close=100.0, volume=1.0,
    ...         notional=100.0, trades=1, buy_volume=0.0, sell_volume=1.0, origin="exchange",
    ...     )
    >>> barrier.on_bar(bar(0, 99.5, 102.0)), barrier.reached
    (None, 1)
    >>> label = barrier.on_bar(bar(1, 99.5, 104.0))
    >>> label.status, label.gross_return, round(label.net_return, 6)
    ('target', 0.03, 0.028985)
    """

    bracket: Bracket
    costs: Costs
    entry: float | None = None
    ts_entry: int = 0
    ts_seen: int = 0
    """Close of the last bar."""
    reached: int = 0
    funding: float = 0.0
    spread_model: bool = False
    gap: bool = False

    def on_funding(self, ts: int, rate: float, mark: float) -> None:
        """Take a settlement at ``ts`` (ns) of ``rate`` on ``mark``; before the bar that ``ts`` lies in.

        Who entered at that very second is not charged.
        """
        if self.entry is not None and self.ts_entry < floor_to(ts, SECOND):
            self.funding += self.bracket.sign * rate * mark / self.entry

    def on_bar(self, bar: Bar) -> Label | None:
        """Take the next bar (of revision 0); the label once there is one, then the barrier is done with."""
        if self.ts_seen and bar.ts_open > self.ts_seen:
            self.gap = True
        self.ts_seen = bar.ts_close
        book = _book(bar)
        if self.entry is None and bar.ts_open < self.bracket.ts_decided + self._latency(bar, quoted=book is not None):
            return None
        self.spread_model |= book is None
        bid, ask = book or _modelled(bar, self.costs.half_spread)
        sides = _sides(bid, ask, self.bracket.sign)
        if self.entry is None:
            return self._enter(bar, sides, executable=book is not None or "empty" not in bar.quality)
        return self._first(bar, sides) or self._within(bar, sides)

    def _latency(self, bar: Bar, *, quoted: bool) -> int:
        latency = self.costs.latency
        return latency if quoted or latency >= bar.ts_close - bar.ts_open else 0

    def _enter(self, bar: Bar, sides: _Sides, *, executable: bool) -> Label | None:
        sign, bracket = self.bracket.sign, self.bracket
        limit, stop, target = sign * bracket.limit, sign * bracket.stop, sign * bracket.targets[1]
        if bar.ts_open >= bracket.expiry or sides.exit_first <= stop or sides.exit_first >= target:
            return self._label("unfilled", bar)
        if sides.entry_first <= limit and executable:
            self.entry, self.ts_entry = sign * sides.entry_first, bar.ts_open
            return self._within(bar, sides)
        if sides.entry_low <= limit and bar.ts_close <= bracket.expiry and executable:
            self.entry, self.ts_entry = bracket.limit, bar.ts_close
            if sides.exit_low <= stop:
                return self._label("stop", bar, bracket.stop, bar.ts_close)
            return self._end(bar, sides)
        return self._label("unfilled", bar) if bar.ts_close >= bracket.expiry else None

    def _first(self, bar: Bar, sides: _Sides) -> Label | None:
        """What the bar's first price decides."""
        sign, bracket = self.bracket.sign, self.bracket
        self._touch(sides.exit_first)
        if sides.exit_first <= sign * bracket.stop:
            return self._label("stop", bar, sign * sides.exit_first, bar.ts_open)
        if sides.exit_first >= sign * bracket.targets[1]:
            return self._label("target", bar, bracket.targets[1], bar.ts_open)
        if bar.ts_open >= bracket.ts_horizon:
            return self._label("horizon", bar, sign * sides.exit_first, bar.ts_open)
        return None

    def _within(self, bar: Bar, sides: _Sides) -> Label | None:
        sign, bracket = self.bracket.sign, self.bracket
        if sides.exit_low <= sign * bracket.stop:
            return self._label("stop", bar, bracket.stop, bar.ts_close)
        self._touch(sides.exit_high)
        if sides.exit_high >= sign * bracket.targets[1]:
            return self._label("target", bar, bracket.targets[1], bar.ts_close)
        return self._end(bar, sides)

    def _end(self, bar: Bar, sides: _Sides) -> Label | None:
        if bar.ts_close < self.bracket.ts_horizon:
            return None
        return self._label("horizon", bar, self.bracket.sign * sides.exit_last, bar.ts_close)

    def _touch(self, best: float) -> None:
        sign = self.bracket.sign
        self.reached = max(self.reached, sum(best >= sign * target for target in self.bracket.targets))

    def _label(self, status: _Status, bar: Bar, leave: float = 0.0, ts_exit: int = 0) -> Label:
        bracket, costs, entry = self.bracket, self.costs, self.entry
        label = Label(
            candidate_id=bracket.candidate_id, instrument_id=bracket.instrument_id, status=status,
            ts_end=bar.ts_decided, spread_model=self.spread_model, gap=self.gap, reached=self.reached,
        )  # fmt: skip
        if entry is None:
            return label
        both = 1.0 + leave / entry
        gross = bracket.sign * (leave - entry) / entry
        fees = costs.taker_fee(bracket.taker_fee) * both
        slippage = costs.slippage_of(costs.notional if bracket.notional is None else bracket.notional) * both
        return replace(
            label, ts_entry=self.ts_entry, entry=entry, ts_exit=ts_exit, exit=leave, gross_return=gross, fees=fees,
            slippage=slippage, funding=self.funding, net_return=gross - fees - slippage - self.funding,
        )  # fmt: skip


def _book(bar: Bar) -> tuple[_Prices, _Prices] | None:
    """First, lowest, highest and last bid, and ask, if the bar has them."""
    bid = (bar.bid_first, bar.bid_low, bar.bid_high, bar.bid_last)
    ask = (bar.ask_first, bar.ask_low, bar.ask_high, bar.ask_last)
    return None if None in bid or None in ask else (cast(_Prices, bid), cast(_Prices, ask))


def _modelled(bar: Bar, half_spread: float) -> tuple[_Prices, _Prices]:
    bid, ask = (
        (bar.open * far, bar.low * far, bar.high * far, bar.close * far) for far in (1 - half_spread, 1 + half_spread)
    )
    return bid, ask


def _sides(bid: _Prices, ask: _Prices, sign: int) -> _Sides:
    if sign > 0:
        return _Sides(ask[0], ask[1], *bid)
    return _Sides(-bid[0], -bid[2], -ask[0], -ask[2], -ask[1], -ask[3])
