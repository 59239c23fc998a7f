"""The relative strength index beside TA-Lib's."""

import numpy as np
import pytest
import talib

from operators.errors import OperatorError
from operators.indicators.rsi import RelativeStrengthIndex
from tests.data import needs_data
from tests.operators.indicators.support import MADE, REAL, Series, assert_equal, real


def check(series: Series, period: int) -> None:
    rsi = RelativeStrengthIndex(period)
    assert_equal([rsi.update(float(x)) for x in series.close], talib.RSI(series.close, timeperiod=period))


@pytest.mark.parametrize("period", [2, 14])
@pytest.mark.parametrize("series", MADE)
def test_as_ta_lib(series: Series, period: int) -> None:
    check(series, period)


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_ta_lib_on_real_bars(symbol: str, skip: int) -> None:
    check(real(symbol, skip), 14)


def test_only_rises_give_100_only_falls_0() -> None:
    up, down = RelativeStrengthIndex(3), RelativeStrengthIndex(3)
    for x in range(1, 9):
        up.update(float(x))
        down.update(1.0 / x)
    assert (up.value, down.value) == (100.0, 0.0)


def test_a_period_below_two_is_refused_by_name_and_value() -> None:
    with pytest.raises(OperatorError, match="RSI: period is 1, it must be at least 2"):
        RelativeStrengthIndex(1)


@pytest.mark.parametrize("cut", [0, 1, 9, 20])
def test_restored_anywhere_it_goes_on_to_the_bit(cut: int) -> None:
    values = np.random.default_rng(6).uniform(1, 2, 60).tolist()
    whole, again = RelativeStrengthIndex(9), RelativeStrengthIndex(9)
    for x in values[:cut]:
        whole.update(x)
    again.restore(whole.state())
    assert [again.update(x) for x in values[cut:]] == [whole.update(x) for x in values[cut:]]
