"""The exponential moving average beside TA-Lib's."""

import numpy as np
import pytest
import talib

from operators.errors import OperatorError, StateError
from operators.indicators.ema import ExponentialMovingAverage
from operators.indicators.rsi import RelativeStrengthIndex
from schemas.layouts import LayoutError
from tests.data import needs_data
from tests.operators.indicators.support import MADE, REAL, Series, assert_equal, real


def check(series: Series, period: int) -> None:
    ema = ExponentialMovingAverage(period)
    assert_equal([ema.update(float(x)) for x in series.close], talib.EMA(series.close, timeperiod=period))


@pytest.mark.parametrize("period", [2, 20, 50])
@pytest.mark.parametrize("series", MADE)
def test_as_ta_lib(series: Series, period: int) -> None:
    check(series, period)


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_ta_lib_on_real_bars(symbol: str, skip: int) -> None:
    check(real(symbol, skip), 20)


def test_a_flat_market_is_the_flat_price() -> None:
    ema = ExponentialMovingAverage(4)
    assert [ema.update(0.1) for _ in range(6)] == [None, None, None, 0.1, 0.1, 0.1]


def test_a_period_below_one_is_refused_by_name_and_value() -> None:
    with pytest.raises(OperatorError, match="EMA: period is 0, it must be at least 1"):
        ExponentialMovingAverage(0)


@pytest.mark.parametrize("cut", [0, 3, 7, 40])
def test_restored_anywhere_it_goes_on_to_the_bit(cut: int) -> None:
    values = np.random.default_rng(5).uniform(1, 2, 60).tolist()
    whole, parted = ExponentialMovingAverage(5), ExponentialMovingAverage(5)
    for x in values[:cut]:
        whole.update(x)
        parted.update(x)
    again = ExponentialMovingAverage(5)
    again.restore(parted.state())
    assert [again.update(x) for x in values[cut:]] == [whole.update(x) for x in values[cut:]]


def test_the_state_of_something_else_is_refused() -> None:
    ema = ExponentialMovingAverage(5)
    with pytest.raises(StateError, match="ExponentialMovingAverage"):
        ema.restore(RelativeStrengthIndex(5).state())
    with pytest.raises(LayoutError, match="newer than"):
        ema.restore([99, *ema.state()[1:]])
