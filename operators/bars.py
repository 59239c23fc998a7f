"""Bars by event time: exact under reordering, versioned when something comes late, higher ones built of lower ones."""

from collections import deque
from typing import Any, Final

from operators.errors import StateError
from schemas.identifiers import derive
from schemas.market import ExchangeBar, Side
from schemas.results import Bar
from schemas.time import TIMEFRAME_NS, Timeframe

__all__ = ["BarSeries", "OpenBar"]

_VERSION: Final = 1
_KEPT: Final[dict[Timeframe, int]] = {"1m": 60, "5m": 13, "15m": 5, "1h": 2, "4h": 2, "1d": 2}
"""Closed bars that can still be revised: at least an hour of each timeframe."""

_LateTrade = tuple[tuple[int, int], float, float, Side | None]


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
    def priced(self) -> bool:
        """Whether there is any price to speak of."""
        return bool(self.trades) or "empty" in self.quality or self.origin == "exchange"

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

    def quote(self, bid: float, ask: float) -> None:
        """Add best bid and ask; these come in event-time order."""
        if self.bid_first is None:
            self.bid_first = self.bid_low = self.bid_high = bid
            self.ask_first = self.ask_low = self.ask_high = ask
        else:
            if bid < self.bid_low:
                self.bid_low = bid
            elif bid > self.bid_high:
                self.bid_high = bid
            if ask < self.ask_low:
                self.ask_low = ask
            elif ask > self.ask_high:
                self.ask_high = ask
        self.bid_last, self.ask_last = bid, ask

    def empty(self, price: float) -> None:
        """No trade, and it is known that there was none: the bar stands at the last price."""
        self.open = self.high = self.low = self.close = price
        self.quality.append("empty")

    def absorb(self, part: "OpenBar") -> None:
        """Add a later, shorter bar."""
        if part.priced and "empty" not in part.quality:
            if not self.trades and self.origin == "trades":
                self.open, self.high, self.low = part.open, part.high, part.low
                self.open_at = part.open_at
            else:
                self.high, self.low = max(self.high, part.high), min(self.low, part.low)
            self.close, self.close_at = part.close, part.close_at
            self.origin = part.origin
        self.trades += part.trades
        self.volume += part.volume
        self.notional += part.notional
        self.buy_volume += part.buy_volume
        self.sell_volume += part.sell_volume
        if part.bid_first is not None:
            if self.bid_first is None:
                self.bid_first, self.bid_low, self.bid_high = part.bid_first, part.bid_low, part.bid_high
                self.ask_first, self.ask_low, self.ask_high = part.ask_first, part.ask_low, part.ask_high
            else:
                self.bid_low, self.bid_high = min(self.bid_low, part.bid_low), max(self.bid_high, part.bid_high)
                self.ask_low, self.ask_high = min(self.ask_low, part.ask_low), max(self.ask_high, part.ask_high)
            self.bid_last, self.ask_last = part.bid_last, part.ask_last
        for flag in part.quality:
            if flag != "empty" and flag not in self.quality:
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
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def restored(cls, state: list[Any]) -> "OpenBar":
        """The bar whose `state` this is."""
        bar = cls(0)
        for name, value in zip(cls.__slots__, state, strict=True):
            setattr(bar, name, tuple(value) if name in {"open_at", "close_at"} else value)
        return bar

    @classmethod
    def of(cls, event: ExchangeBar) -> "OpenBar":
        """An exchange's own bar as one of ours. Notional falls back to volume times the mean of its prices."""
        bar = cls(event.ts_open)
        bar.open, bar.high, bar.low, bar.close = event.open, event.high, event.low, event.close
        bar.open_at, bar.close_at = (event.ts_open, 0), (event.ts_event - 1, 0)
        bar.volume, bar.trades, bar.origin = event.volume, event.trades or 0, "exchange"
        typical = (event.high + event.low + event.close) / 3
        bar.notional = event.volume * typical if event.notional is None else event.notional
        if event.buy_volume is not None:
            bar.buy_volume, bar.sell_volume = event.buy_volume, event.volume - event.buy_volume
        return bar


class BarSeries:
    """The bars of one instrument and timeframe: the one being filled and the ones that can still be revised.

    The shortest timeframe is filled by `trade` and `quote`, the others by `absorb`.
    """

    __slots__ = ("_dirty", "_filled_to", "_kept", "_waiting", "bar", "last_close", "length", "timeframe")

    def __init__(self, timeframe: Timeframe) -> None:
        self.timeframe: Timeframe = timeframe
        self.length = TIMEFRAME_NS[timeframe]
        self.bar: OpenBar | None = None
        self.last_close: float | None = None
        """Price at the end of the last bar that had one."""
        self._filled_to: int | None = None  # end of the last part; None before the first one ever
        self._waiting: list[_LateTrade] = []  # late for a part of the open bar: they go into its revision 1
        self._kept: deque[OpenBar] = deque(maxlen=_KEPT[timeframe])
        self._dirty: list[int] = []

    def current(self, ts: int) -> OpenBar:
        """The bar that holds ``ts`` (ns), begun if need be."""
        if self.bar is None:
            self.bar = OpenBar(ts - ts % self.length)
        return self.bar

    def absorb(self, part: OpenBar, part_length: int) -> None:
        """Add a closed shorter bar of ``part_length`` ns; what is missing before it leaves a mark on this one."""
        bar = self.current(part.ts_open)
        if self._filled_to is None:
            if part.ts_open != bar.ts_open:
                bar.quality.append("partial")
        elif part.ts_open != max(self._filled_to, bar.ts_open) and "gap" not in bar.quality:
            bar.quality.append("gap")
        self._filled_to = part.ts_open + part_length
        bar.absorb(part)

    def close(self, ts_close: int) -> OpenBar | None:
        """End the bar at ``ts_close``; ``None`` where there is nothing to make one of."""
        bar, self.bar = self.bar, None
        if bar is None or bar.ts_open + self.length != ts_close:
            return None
        if self._filled_to is not None and self._filled_to != ts_close and "gap" not in bar.quality:
            bar.quality.append("gap")
        if not bar.priced:
            if self.last_close is None:
                return None
            bar.empty(self.last_close)
        self.last_close = bar.close
        self._kept.append(bar)
        return bar

    def late(self, at: tuple[int, int], price: float, size: float, side: Side | None) -> bool:
        """Add a trade to the closed bar that it belongs to; False if that is no longer kept."""
        ts_open = at[0] - at[0] % self.length
        if self.bar is not None and self.bar.ts_open == ts_open:
            self._waiting.append((at, price, size, side))
            return True
        for bar in reversed(self._kept):
            if bar.ts_open == ts_open and bar.origin == "trades":
                if "empty" in bar.quality:
                    bar.quality.remove("empty")
                bar.trade(at, price, size, side)
                if ts_open not in self._dirty:
                    self._dirty.append(ts_open)
                return True
        return False

    def revisions(self) -> list[OpenBar]:
        """The bars changed since last asked, each with its next revision number."""
        waiting, self._waiting = self._waiting, []
        for trade in waiting:
            self.late(*trade)
        if not self._dirty:
            return []
        revised = [bar for bar in self._kept if bar.ts_open in self._dirty]
        self._dirty.clear()
        for bar in revised:
            bar.revision += 1
            if "late" not in bar.quality:
                bar.quality.append("late")
        return revised

    def state(self) -> dict[str, Any]:
        """Plain data for recovery."""
        return {
            "version": _VERSION,
            "bar": self.bar and self.bar.state(),
            "last_close": self.last_close,
            "kept": [bar.state() for bar in self._kept],
            "dirty": list(self._dirty),
            "filled_to": self._filled_to,
            "waiting": list(self._waiting),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up ``state`` again.

        Raises:
            StateError: of another version.
        """
        if state["version"] != _VERSION:
            raise StateError(f"bar state has version {state['version']}, this program reads {_VERSION}")
        self.bar = OpenBar.restored(state["bar"]) if state["bar"] else None
        self.last_close = state["last_close"]
        self._kept.clear()
        self._kept.extend(OpenBar.restored(bar) for bar in state["kept"])
        self._dirty = list(state["dirty"])
        self._filled_to = state["filled_to"]
        self._waiting = [(tuple(at), price, size, side) for at, price, size, side in state["waiting"]]
