"""Support and resistance beside a scan of all swings."""

import pytest

from operators.bars import OpenBar
from operators.indicators.levels import Levels
from operators.indicators.swings import REACH, Swings
from tests.operators.indicators.support import REAL, bars_of, walked_bars

AGES = 200


def test_as_defined_on_every_prefix() -> None:
    check(walked_bars(13, 1_500))


@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_defined_on_real_bars(symbol: str, skip: int) -> None:
    check(bars_of(symbol, skip))


def check(bars: list[OpenBar]) -> None:
    levels, swings = Levels(), Swings(REACH)
    known: list[tuple[int, float]] = []
    for i, bar in enumerate(bars):
        known += [(i, price) for price in swings.update(bar.high, bar.low) if price is not None]
        known = [(at, price) for at, price in known if at > i - AGES]
        prices = [price for _, price in known]
        below, above = [p for p in prices if p <= bar.close], [p for p in prices if p > bar.close]
        expected: list[float | None] = []
        for level in (max(below, default=None), min(above, default=None)):
            if level is None:
                expected += [None, None]
            else:
                touches = sum(level * 0.999 <= price <= level * 1.001 for price in prices)
                expected += [10_000 * abs(bar.close - level) / bar.close, float(touches)]
        ours = levels.update(bar.high, bar.low, bar.close)
        assert list(ours) == [value if value is None else pytest.approx(value, rel=1e-12) for value in expected], i
