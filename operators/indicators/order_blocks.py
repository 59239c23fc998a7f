"""Order blocks: the last bar against a move that broke structure."""

from typing import Final

from operators.feature import Close, Feature, one
from operators.indicators.swings import REACH, Swings
from operators.indicators.zones import AGES, Zones
from operators.state import Slotted

__all__ = ["MEASURES", "OrderBlocks"]

_BEFORE: Final = 10
"""Bars before the break among which the opposite bar is looked for."""


class OrderBlocks(Slotted):
    """When a close breaks the last swing high, the last falling bar before it becomes a bullish block, low to high.

    A swing breaks once. The block is known at the close that breaks, is mitigated as far as later lows come back into
    it, and ends with a close below it. Bearish blocks mirrored. The convention of M. Huddleston's "order block".
    """

    __slots__ = ("_above", "_bars", "_below", "_last", "_swings", "_top", "_trough")

    def __init__(self, reach: int = REACH) -> None:
        self._swings = Swings(reach)
        self._bars = 0
        self._top: list[float] = []  # bar and price of the last swing high that is not broken; empty: none
        self._trough: list[float] = []
        self._last: list[list[float]] = []  # open, high, low, close of the bars before this one
        self._below, self._above = Zones(1), Zones(-1)

    def update(self, opened: float, high: float, low: float, close: float) -> tuple[float | None, ...]:
        """Take a bar; distance (bps) and mitigated part of the nearest bullish block, the same of the bearish one."""
        self._bars += 1
        self._below.move(high, low, close)
        self._above.move(high, low, close)
        if self._top and close > self._top[1]:
            self._top = []
            block = next((bar for bar in reversed(self._last) if bar[3] < bar[0]), None)
            if block is not None and close > block[1]:
                self._below.add(block[1], block[2])
        if self._trough and close < self._trough[1]:
            self._trough = []
            block = next((bar for bar in reversed(self._last) if bar[3] > bar[0]), None)
            if block is not None and close < block[2]:
                self._above.add(block[2], block[1])
        self._last.append([opened, high, low, close])
        if len(self._last) > _BEFORE:
            del self._last[0]
        self._swing(*self._swings.update(high, low))
        return *self._below.nearest(close), *self._above.nearest(close)

    def _swing(self, top: float | None, trough: float | None) -> None:
        if top is not None:
            self._top = [self._bars, top]
        elif self._top and self._top[0] <= self._bars - AGES:
            self._top = []
        if trough is not None:
            self._trough = [self._bars, trough]
        elif self._trough and self._trough[0] <= self._bars - AGES:
            self._trough = []


def _step(blocks: OrderBlocks, close: Close) -> tuple[float | None, ...]:
    bar = close.bar
    return blocks.update(bar.open, bar.high, bar.low, bar.close)


def _entries(name: str, words: str, formula: str) -> tuple[Feature, Feature]:
    source, null = "Huddleston, Inner Circle Trader", f"no {words} block that still holds in {AGES} bars"
    seen = 2 * AGES + 2 * REACH + _BEFORE
    return (
        Feature(
            name=f"{name}_distance", unit="bps",
            summary=f"From the close to the nearest {words} block; negative: inside",
            formula=formula, source=source, null=null, ready=2 * REACH + 2, memory=seen, warm_up=seen,
        ),
        Feature(
            name=f"{name}_mitigated", unit="ratio", low=0.0, high=1.0,
            summary=f"Part of the nearest {words} block that was traded again",
            formula="(near edge - extreme since) / (near edge - far edge)", source=source, null=null,
            ready=2 * REACH + 2, memory=seen, warm_up=seen,
        ),
    )  # fmt: skip


MEASURES = (
    one(
        OrderBlocks, _step,
        *_entries("order_block_bull", "bullish", "10000 (close - high[block]) / close, falling bar before the break"),
        *_entries("order_block_bear", "bearish", "10000 (low[block] - close) / close, rising bar before the break"),
    ),
)  # fmt: skip
