"""A bar while it can still change: exact whatever the order of its trades, longer ones put together of shorter ones."""

from collections.abc import Sequence
from typing import Any, Final

from operators.errors import Refused
from operators.microstructure import BufferedTrade, Move
from schemas.identifiers import derive
from schemas.market import LEAST_AMOUNT, ExchangeBar, Side
from schemas.results import Bar
from schemas.time import TIMEFRAME_NS, Timeframe, to_text

__all__ = ["OpenBar"]

_SIDED: Final = 1.0 - 1e-9
"""Of the volume: but for rounding, all of it."""
_ROUNDED: Final = 0.01
"""By how much of it a notional may lie beyond the bar's prices: files round it, or the volume."""


class OpenBar:
    """What a bar is made of while it can still change.

    Open, close, first and last are found by ``(ts_event, order)``, not by arrival, so trades may come in any order.
    """

    __slots__ = (
        "ask_first", "ask_high", "ask_last", "ask_low", "bid_first", "bid_high", "bid_last", "bid_low", "buy_volume",
        "close", "close_at", "high", "low", "notional", "open", "open_at", "origin", "quality", "revision",
        "sell_volume", "trades", "ts_open", "volume",
    )  # fmt: skip

    def __init__(self, ts_open: int) -> None:
        self.ts_open = ts_open
        self.open = self.high = self.low = self.close = 0.0
        self.open_at = self.close_at = (0, 0)
        self.volume = self.notional = self.buy_volume = self.sell_volume = 0.0
        self.trades = 0
        self.bid_first: float | None = None
        self.bid_low = self.bid_high = self.bid_last = 0.0
        self.ask_first = self.ask_low = self.ask_high = self.ask_last = 0.0
        self.origin = "trades"
        self.quality: list[str] = []
        self.revision = 0

    @property
    def traded(self) -> bool:
        """Whether it has prices of its own."""
        return bool(self.trades) or self.origin == "exchange"

    @property
    def sided(self) -> bool:
        """Whether the aggressor of all that was traded is told."""
        return self.buy_volume + self.sell_volume >= _SIDED * self.volume

    def trade(self, at: tuple[int, int], price: float, size: float, side: Side | None) -> None:
        """Add one trade; ``at`` is its event time (ns) and its place among trades of the same time."""
        if not self.trades:
            self.open = self.high = self.low = self.close = price
            self.open_at = self.close_at = at
        else:
            if price > self.high:
                self.high = price
            elif price < self.low:
                self.low = price
            if at >= self.close_at:
                self.close, self.close_at = price, at
            elif at < self.open_at:
                self.open, self.open_at = price, at
        self.trades += 1
        self.volume += size
        self.notional += price * size
        if side == "buy":
            self.buy_volume += size
        elif side == "sell":
            self.sell_volume += size

    def add(self, trades: Sequence[BufferedTrade]) -> None:
        """Add the trades of the market, and pass over prints that are not."""
        for ts, order, _, price, size, side, _ in trades:
            if size:
                self.trade((ts, order), price, size, side)

    def quotes(self, moves: Sequence[Move]) -> None:
        """Add best prices, one or more; these come in event-time order."""
        if self.bid_first is None:
            _, bid, ask = moves[0]
            self.bid_first = self.bid_low = self.bid_high = bid
            self.ask_first = self.ask_low = self.ask_high = ask
        bid_low, bid_high, ask_low, ask_high = self.bid_low, self.bid_high, self.ask_low, self.ask_high
        for _, bid, ask in moves:
            if bid < bid_low:
                bid_low = bid
            elif bid > bid_high:
                bid_high = bid
            if ask < ask_low:
                ask_low = ask
            elif ask > ask_high:
                ask_high = ask
        self.bid_low, self.bid_high, self.ask_low, self.ask_high = bid_low, bid_high, ask_low, ask_high
        _, self.bid_last, self.ask_last = moves[-1]

    def empty(self, price: float) -> None:
        """No trade, and it is known that there was none: the bar stands at the last price."""
        self.open = self.high = self.low = self.close = price
        self.flag("empty")

    def absorb(self, part: "OpenBar") -> None:
        """Add another bar's contents: that of a part of this one's time, or trades that came late."""
        if part.traded:
            self._absorb_prices(part)
        self.trades += part.trades
        self.volume += part.volume
        self.notional += part.notional
        self.buy_volume += part.buy_volume
        self.sell_volume += part.sell_volume
        self.absorb_quotes(part)
        for flag in part.quality:
            if flag != "empty":
                self.flag(flag)

    def absorb_quotes(self, part: "OpenBar") -> None:
        """Add another bar's best bids and asks, which are later than those known."""
        if part.bid_first is None:
            return
        if self.bid_first is None:
            self.bid_first, self.bid_low, self.bid_high = part.bid_first, part.bid_low, part.bid_high
            self.ask_first, self.ask_low, self.ask_high = part.ask_first, part.ask_low, part.ask_high
        else:
            self.bid_low, self.bid_high = min(self.bid_low, part.bid_low), max(self.bid_high, part.bid_high)
            self.ask_low, self.ask_high = min(self.ask_low, part.ask_low), max(self.ask_high, part.ask_high)
        self.bid_last, self.ask_last = part.bid_last, part.ask_last

    def _absorb_prices(self, part: "OpenBar") -> None:
        if not self.traded:
            self.open, self.high, self.low, self.close = part.open, part.high, part.low, part.close
            self.open_at, self.close_at = part.open_at, part.close_at
        else:
            self.high, self.low = max(self.high, part.high), min(self.low, part.low)
            if part.close_at >= self.close_at:
                self.close, self.close_at = part.close, part.close_at
            if part.open_at < self.open_at:
                self.open, self.open_at = part.open, part.open_at
        self.origin = part.origin

    def flag(self, flag: str) -> None:
        """Say something about the quality, once."""
        if flag not in self.quality:
            self.quality.append(flag)

    def record(self, instrument_id: str, timeframe: Timeframe, ts_decided: int) -> Bar:
        """The message of this bar as it is now."""
        quoted = self.bid_first is not None
        ts_close = self.ts_open + TIMEFRAME_NS[timeframe]
        return Bar(
            id=derive("bar", instrument_id, timeframe, ts_close, self.revision),
            instrument_id=instrument_id,
            timeframe=timeframe,
            ts_open=self.ts_open,
            ts_close=ts_close,
            ts_decided=ts_decided,
            revision=self.revision,
            open=self.open,
            high=self.high,
            low=self.low,
            close=self.close,
            volume=self.volume,
            notional=self.notional,
            trades=self.trades,
            buy_volume=self.buy_volume,
            sell_volume=self.sell_volume,
            bid_first=self.bid_first,
            bid_low=self.bid_low if quoted else None,
            bid_high=self.bid_high if quoted else None,
            bid_last=self.bid_last if quoted else None,
            ask_first=self.ask_first if quoted else None,
            ask_low=self.ask_low if quoted else None,
            ask_high=self.ask_high if quoted else None,
            ask_last=self.ask_last if quoted else None,
            origin="exchange" if self.origin == "exchange" else "trades",
            quality=list(self.quality),
        )

    def state(self) -> list[Any]:
        """Plain data for recovery."""
        return [getattr(self, name) for name in OpenBar.__slots__]

    @classmethod
    def restored(cls, state: list[Any]) -> "OpenBar":
        """The bar whose `state` this is."""
        bar = cls(0)
        for name, value in zip(OpenBar.__slots__, state, strict=True):
            setattr(bar, name, tuple(value) if name in {"open_at", "close_at"} else value)
        return bar

    @classmethod
    def of(cls, event: ExchangeBar) -> "OpenBar":
        """An exchange's own bar as one of ours. Notional falls back to volume times the mean of its prices.

        Raises:
            Refused: its times are not those of a bar of its timeframe, more was bought than traded, or volume, trades
                and notional are not those of the same trades.
        """
        length = TIMEFRAME_NS[event.timeframe]
        if event.ts_open % length:
            raise Refused(f"$.ts_open {to_text(event.ts_open)} is not where a {event.timeframe} bar begins")
        if event.ts_event != event.ts_open + length:
            close = to_text(event.ts_open + length)
            raise Refused(f"$.ts_event {to_text(event.ts_event)} is not the close of the bar, {close}")
        bought = event.buy_volume
        if bought is not None and bought > event.volume:
            raise Refused(f"$.buy_volume {bought} is above $.volume {event.volume}")
        if 0.0 < event.volume < LEAST_AMOUNT:
            raise Refused(f"$.volume {event.volume} is neither 0 nor at least {LEAST_AMOUNT}")
        if event.trades and not event.volume:
            raise Refused(f"$.trades {event.trades} beside a $.volume of 0")
        bar = cls(event.ts_open)
        bar.open, bar.high, bar.low, bar.close = event.open, event.high, event.low, event.close
        bar.open_at, bar.close_at = (event.ts_open, 0), (event.ts_event - 1, 0)
        bar.volume, bar.trades, bar.origin = event.volume, event.trades or 0, "exchange"
        bar.notional = _notional(event)
        if bought is not None:
            bar.buy_volume, bar.sell_volume = bought, event.volume - bought
        return bar


def _notional(event: ExchangeBar) -> float:
    """Prices times sizes: a mean price is made of it, which lies within the bar's."""
    told, volume = event.notional, event.volume
    if told is None:
        return volume * (event.high + event.low + event.close) / 3
    least, most = event.low * volume, event.high * volume
    if not least * (1.0 - _ROUNDED) <= told <= most * (1.0 + _ROUNDED):
        raise Refused(
            f"$.notional {told} is not $.volume {volume} times a price from $.low {event.low} to $.high {event.high}: "
            "leave it out where it is told in another unit"
        )
    return min(max(told, least), most)
