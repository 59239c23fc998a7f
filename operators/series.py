"""The bars of one timeframe: the one being filled, and the ones that can still be revised."""

from collections import deque
from typing import Any, Final

import msgspec

from operators.bars import OpenBar
from operators.native import bars
from schemas.layouts import Layout
from schemas.market import Side
from schemas.time import TIMEFRAME_NS, Timeframe

__all__ = ["BarSeries"]

_LAYOUT: Final = Layout("bar series", 1)
_KEPT: Final[dict[Timeframe, int]] = {"1m": 60, "5m": 13, "15m": 5, "1h": 2, "4h": 2, "1d": 2}
"""Closed bars that can still be revised: at least an hour of each timeframe."""


class BarSeries:
    """The bars of one instrument and timeframe.

    The shortest timeframe is filled through `current`, the others by `absorb`. A bar is told twice or more: revision
    0 when it closes, and a further one for each minute in which trades came that were late for it.
    """

    __slots__ = (
        "_dirty", "_filled_to", "_kept", "_later", "_make", "_packed", "bar", "last_close", "length", "timeframe",
    )  # fmt: skip

    def __init__(self, timeframe: Timeframe, *, native: bool = True) -> None:
        self.timeframe: Timeframe = timeframe
        self.length = TIMEFRAME_NS[timeframe]
        self._make = bars(native=native)
        self.bar: OpenBar | None = None
        self.last_close: float | None = None
        """The market's last price, as far as it is known."""
        self._filled_to: int | None = None  # end of the last part; None before the first one ever
        self._later: OpenBar | None = None  # late for a part of the open bar: this goes into its revision 1
        self._kept: deque[OpenBar] = deque(maxlen=_KEPT[timeframe])
        self._dirty: list[OpenBar] = []
        self._packed: msgspec.Raw | None = None  # the closed bars that are kept

    def current(self, ts: int) -> OpenBar:
        """The bar that holds ``ts`` (ns), begun if need be."""
        if self.bar is None:
            self.bar = self._make(ts - ts % self.length)
        return self.bar

    def absorb(self, part: OpenBar, part_length: int) -> None:
        """Add a closed shorter bar of ``part_length`` ns; what is missing before it leaves a mark on this one."""
        bar = self.current(part.ts_open)
        if self._filled_to is None:
            if part.ts_open != bar.ts_open:
                bar.flag("partial")
        elif part.ts_open > max(self._filled_to, bar.ts_open):
            bar.flag("gap")
        self._filled_to = part.ts_open + part_length
        bar.absorb(part)

    def drop(self) -> None:
        """Forget the open bar and the last price: its own trades do not tell what happened meanwhile."""
        self.bar = self.last_close = None

    def close(self, ts_close: int) -> OpenBar | None:
        """End the bar at ``ts_close``; ``None`` where there is nothing to make one of."""
        bar, self.bar = self.bar, None
        if bar is None:
            return None
        if self._filled_to is not None and self._filled_to != ts_close:
            bar.flag("gap")
        if not bar.traded:
            if self.last_close is None:
                return None
            bar.empty(self.last_close)
        self.last_close = bar.close
        self._kept.append(bar)
        self._packed = None
        return bar

    def closed(self, ts_open: int) -> OpenBar | None:
        """The closed bar that begins at ``ts_open`` (ns), while it is kept."""
        return next((bar for bar in reversed(self._kept) if bar.ts_open == ts_open), None)

    def late(self, at: tuple[int, int], price: float, size: float, side: Side | None) -> bool:
        """Add a trade to the closed bar that it belongs to; False if that is no longer kept."""
        ts_open = at[0] - at[0] % self.length
        if self.bar is not None and self.bar.ts_open == ts_open:
            if self._later is None:
                self._later = self._make(ts_open)
            self._later.trade(at, price, size, side)
            return True
        bar = self.closed(ts_open)
        if bar is None:
            return False
        self._revise(bar).trade(at, price, size, side)
        return True

    def revisions(self) -> list[OpenBar]:
        """The bars changed since last asked, each with its next revision number, oldest first."""
        if self.bar is None and self._later is not None:  # its bar was closed just now
            later, self._later = self._later, None
            bar = self.closed(later.ts_open)
            if bar is not None:
                self._revise(bar).absorb(later)
        if not self._dirty:
            return []
        revised, self._dirty, self._packed = sorted(self._dirty, key=lambda bar: bar.ts_open), [], None
        for bar in revised:
            bar.revision += 1
            bar.flag("late")
        return revised

    def _revise(self, bar: OpenBar) -> OpenBar:
        self._packed = None
        if bar not in self._dirty:
            self._dirty.append(bar)
        if "empty" in bar.quality:
            bar.quality.remove("empty")
        return bar

    def state(self) -> list[Any]:
        """Plain data for recovery; closed bars are packed once a change, however often they are asked for."""
        if self._packed is None:
            self._packed = msgspec.Raw(msgspec.msgpack.encode([bar.state() for bar in self._kept]))
        return [
            _LAYOUT.version,
            None if self.bar is None else self.bar.state(),
            self.last_close,
            self._filled_to,
            None if self._later is None else self._later.state(),
            self._packed,
            [bar.ts_open for bar in self._dirty],
        ]

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again.

        Raises:
            LayoutError: of a version from which no way leads here.
        """
        state = _LAYOUT.bring(state[0], state)
        _, bar, self.last_close, self._filled_to, later, kept, dirty = state
        self.bar = None if bar is None else self._make.restored(bar)
        self._later = None if later is None else self._make.restored(later)
        self._kept = deque((self._make.restored(saved) for saved in kept), maxlen=self._kept.maxlen)
        self._dirty, self._packed = [bar for bar in self._kept if bar.ts_open in dirty], None
