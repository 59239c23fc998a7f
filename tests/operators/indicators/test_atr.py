"""The average true range beside TA-Lib's."""

import numpy as np
import pytest
import talib

from operators.errors import OperatorError
from operators.indicators.atr import AverageTrueRange
from tests.data import needs_data
from tests.operators.indicators.support import MADE, REAL, Series, assert_equal, real


def check(series: Series, period: int) -> None:
    atr = AverageTrueRange(period)
    rows = zip(series.high.tolist(), series.low.tolist(), series.close.tolist(), strict=True)
    ours = [atr.update(*row) for row in rows]
    assert_equal(ours, talib.ATR(series.high, series.low, series.close, timeperiod=period))


@pytest.mark.parametrize("period", [1, 2, 14])
@pytest.mark.parametrize("series", MADE)
def test_as_ta_lib(series: Series, period: int) -> None:
    check(series, period)


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_ta_lib_on_real_bars(symbol: str, skip: int) -> None:
    check(real(symbol, skip), 14)


def test_a_jump_between_bars_counts() -> None:
    atr = AverageTrueRange(1)
    atr.update(101.0, 99.0, 100.0)
    assert atr.update(121.0, 119.0, 120.0) == 21.0


def test_a_period_below_one_is_refused_by_name_and_value() -> None:
    with pytest.raises(OperatorError, match="ATR: period is -3, it must be at least 1"):
        AverageTrueRange(-3)


@pytest.mark.parametrize("cut", [0, 1, 9, 20])
def test_restored_anywhere_it_goes_on_to_the_bit(cut: int) -> None:
    closes = np.random.default_rng(7).uniform(1, 2, 60).tolist()
    rows = [(close + 0.1, close - 0.1, close) for close in closes]
    whole, again = AverageTrueRange(9), AverageTrueRange(9)
    for row in rows[:cut]:
        whole.update(*row)
    again.restore(whole.state())
    assert [again.update(*row) for row in rows[cut:]] == [whole.update(*row) for row in rows[cut:]]
