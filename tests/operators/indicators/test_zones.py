"""Fair value gaps and order blocks beside plain scans of the whole past."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import pytest

from operators.bars import OpenBar
from operators.indicators.fair_value_gaps import FairValueGaps
from operators.indicators.order_blocks import OrderBlocks
from operators.indicators.swings import REACH
from operators.indicators.zones import AGES, MOST, Zones
from tests.operators.indicators.support import REAL, bars_of, walked_bars
from tests.operators.indicators.test_swings import plain

SERIES = [partial(walked_bars, 14, 900), *(partial(bars_of, symbol, skip) for symbol, skip in REAL)]


class Zone(NamedTuple):
    known: int
    near: float
    far: float


def mirrored(bars: list[OpenBar]) -> list[OpenBar]:
    """The market upside down."""
    turned: list[OpenBar] = []
    for bar in bars:
        one = OpenBar(bar.ts_open)
        one.open, one.high, one.low, one.close = -bar.open, -bar.low, -bar.high, -bar.close
        turned.append(one)
    return turned


def told(zones: list[Zone], bars: list[OpenBar]) -> Iterator[tuple[float | None, float | None]]:
    """What is told at each bar of bullish zones, from nothing but their definition."""
    alive: list[Zone] = []
    for i, bar in enumerate(bars):
        alive = [zone for zone in alive if i - zone.known < AGES and bar.close >= zone.far]
        alive = [*alive, *(zone for zone in zones[bisect_left(zones, (i,)) : bisect_left(zones, (i + 1,))])][-MOST:]
        if not alive:
            yield None, None
            continue
        zone = min(alive, key=lambda one: bar.close - one.near)
        lowest = min((later.low for later in bars[zone.known + 1 : i + 1]), default=zone.near)
        entered = min(max((zone.near - lowest) / (zone.near - zone.far), 0.0), 1.0)
        yield 10_000 * (bar.close - zone.near) / abs(bar.close), entered


def gaps(bars: list[OpenBar]) -> list[Zone]:
    return [Zone(i, bars[i].low, bars[i - 2].high) for i in range(2, len(bars)) if bars[i].low > bars[i - 2].high]


def blocks(bars: list[OpenBar]) -> list[Zone]:
    highs = [bar.high for bar in bars]
    tops = [at for at in range(len(bars)) if plain(highs, at, REACH)]
    found: list[Zone] = []
    for i in range(1, len(bars)):
        known = bisect_left(tops, i - REACH)
        if not known or i - (tops[known - 1] + REACH) > AGES:
            continue
        level, since = highs[tops[known - 1]], tops[known - 1] + REACH
        if bars[i].close > level and all(bar.close <= level for bar in bars[since + 1 : i]):
            falling = [bar for bar in bars[max(0, i - 10) : i] if bar.close < bar.open]
            if falling and bars[i].close > falling[-1].high:
                found.append(Zone(i, falling[-1].high, falling[-1].low))
    return found


def check(
    ours: list[tuple[float | None, ...]], bars: list[OpenBar], find: Callable[[list[OpenBar]], list[Zone]]
) -> None:
    turned = mirrored(bars)
    up, down = find(bars), find(turned)
    assert min(len(up), len(down)) > 10
    for i, (one, *expected) in enumerate(zip(ours, told(up, bars), told(down, turned), strict=True)):
        values = [value for pair in expected for value in pair]
        assert one == tuple(x if x is None else pytest.approx(x, rel=1e-9, abs=1e-9) for x in values), i


@pytest.mark.parametrize("bars", SERIES)
def test_fair_value_gaps_as_defined(bars: Callable[[], list[OpenBar]]) -> None:
    one, series = FairValueGaps(), bars()
    check([one.update(bar.high, bar.low, bar.close) for bar in series], series, gaps)


@pytest.mark.parametrize("bars", SERIES)
def test_order_blocks_as_defined(bars: Callable[[], list[OpenBar]]) -> None:
    one, series = OrderBlocks(), bars()
    check([one.update(bar.open, bar.high, bar.low, bar.close) for bar in series], series, blocks)


def test_the_oldest_of_too_many_zones_goes() -> None:
    zones = Zones(1)
    for i in range(MOST + 1):
        zones.move(100.0, 99.0, 99.5)
        zones.add(90.0 - i, 80.0 - i)
    assert zones.nearest(99.5)[0] == pytest.approx(1e4 * 10.5 / 99.5)  # the one at 90 is gone, 89 is nearest
