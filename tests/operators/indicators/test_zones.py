"""Fair value gaps and order blocks beside plain scans of the whole past."""

from typing import NamedTuple

import pytest

from operators.bars import OpenBar
from operators.indicators.fair_value_gaps import FairValueGaps
from operators.indicators.order_blocks import OrderBlocks
from operators.indicators.swings import REACH
from operators.indicators.zones import AGES, MOST, Zones
from tests.operators.indicators.support import walked_bars
from tests.operators.indicators.test_swings import plain

BARS = walked_bars(14, 900)


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


def nearest(zones: list[Zone], bars: list[OpenBar], i: int) -> tuple[float | None, float | None]:
    """What is told at bar ``i`` of bullish zones, from nothing but their definition."""
    born = [zone for zone in zones if zone.known <= i]
    open_zones: list[tuple[Zone, float]] = []
    for zone in born:
        later = bars[zone.known + 1 : i + 1]
        if i - zone.known < AGES and all(bar.close >= zone.far for bar in later):
            lowest = min((bar.low for bar in later), default=zone.near)
            open_zones.append((zone, min(max((zone.near - lowest) / (zone.near - zone.far), 0.0), 1.0)))
    assert len(open_zones) <= MOST
    if not open_zones:
        return None, None
    close = bars[i].close
    zone, entered = min(open_zones, key=lambda one: close - one[0].near)
    return 10_000 * (close - zone.near) / abs(close), entered


def gaps(bars: list[OpenBar]) -> list[Zone]:
    return [Zone(i, bars[i].low, bars[i - 2].high) for i in range(2, len(bars)) if bars[i].low > bars[i - 2].high]


def blocks(bars: list[OpenBar]) -> list[Zone]:
    highs = [bar.high for bar in bars]
    found: list[Zone] = []
    for i in range(1, len(bars)):
        tops = [at for at in range(i - REACH) if plain(highs[:i], at, REACH)]
        if not tops or i - (tops[-1] + REACH) > AGES:
            continue
        level, since = highs[tops[-1]], tops[-1] + REACH
        if bars[i].close > level and all(bar.close <= level for bar in bars[since + 1 : i]):
            falling = [bar for bar in bars[max(0, i - 10) : i] if bar.close < bar.open]
            if falling and bars[i].close > falling[-1].high:
                found.append(Zone(i, falling[-1].high, falling[-1].low))
    return found


def check(ours: list[tuple[float | None, ...]], up: list[Zone], down: list[Zone], sign: list[OpenBar]) -> None:
    for i, told in enumerate(ours):
        expected = (*nearest(up, BARS, i), *nearest(down, sign, i))
        assert told == tuple(x if x is None else pytest.approx(x, rel=1e-9, abs=1e-9) for x in expected), i


def test_fair_value_gaps_as_defined() -> None:
    one, turned = FairValueGaps(), mirrored(BARS)
    up, down = gaps(BARS), gaps(turned)
    assert min(len(up), len(down)) > 10
    check([one.update(bar.high, bar.low, bar.close) for bar in BARS], up, down, turned)


def test_order_blocks_as_defined() -> None:
    one, turned = OrderBlocks(), mirrored(BARS)
    up, down = blocks(BARS), blocks(turned)
    assert min(len(up), len(down)) > 10
    check([one.update(bar.open, bar.high, bar.low, bar.close) for bar in BARS], up, down, turned)


def test_the_oldest_of_too_many_zones_goes() -> None:
    zones = Zones(1)
    for i in range(MOST + 1):
        zones.move(100.0, 99.0, 99.5)
        zones.add(90.0 - i, 80.0 - i)
    assert zones.nearest(99.5)[0] == pytest.approx(1e4 * 10.5 / 99.5)  # the one at 90 is gone, 89 is nearest
