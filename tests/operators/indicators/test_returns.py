"""Returns beside TA-Lib's ROCP, realised volatility beside its definition in numpy."""

import numpy as np
import pytest
import talib
from numpy.lib.stride_tricks import sliding_window_view

from operators.indicators.returns import RealisedVolatility, Returns
from tests.data import needs_data
from tests.operators.indicators.support import LULLS, MADE, REAL, Column, Series, real


def close_to(ours: list[float | None], oracle: Column) -> None:
    assert [value is None for value in ours] == np.isnan(oracle).tolist()
    known = np.array([value for value in ours if value is not None])
    np.testing.assert_allclose(known, oracle[~np.isnan(oracle)], rtol=1e-9, atol=1e-14)


def check(series: Series) -> None:
    returns = Returns((1, 5, 20))
    ours = [returns.update(float(x)) for x in series.close]
    for place, horizon in enumerate((1, 5, 20)):
        close_to([one[place] for one in ours], talib.ROCP(series.close, horizon))
    volatility = RealisedVolatility((5, 20, 60))
    *found, ratios = zip(*(volatility.update(float(x)) for x in series.close), strict=True)
    squares = np.diff(np.log(series.close)) ** 2
    wanted = [np.sqrt(sliding_window_view(squares, period).sum(axis=1)) for period in (5, 20, 60)]
    for values, oracle, period in zip(found, wanted, (5, 20, 60), strict=True):
        assert set(values[:period]) == {None}
        np.testing.assert_allclose(np.array(values[period:], float), oracle, rtol=1e-9)
    short, long = wanted[0][55:], wanted[2]
    assert [ratio is None for ratio in ratios] == [True] * 60 + (long == 0.0).tolist()
    moved = long > 0.0
    told = np.array(ratios[60:], float)[moved]
    np.testing.assert_allclose(told, short[moved] / long[moved] * np.sqrt(12.0), rtol=1e-9)


@pytest.mark.parametrize("sigma", [0.01, 0.1])
def test_a_market_that_stands_still_after_storms_has_no_volatility(sigma: float) -> None:
    """Not even what rounding leaves of it, of which a ratio could be made."""
    moves = np.random.default_rng(7).normal(0.0, sigma, 150)
    closes = [*(100.0 * np.exp(np.cumsum(moves))).tolist()]
    volatility = RealisedVolatility((5, 20, 60))
    told = [volatility.update(x) for x in [*closes, *[closes[-1]] * 130]][len(closes) :]
    for place, period in enumerate((5, 20, 60)):
        values = [one[place] for one in told]
        assert all(value is not None and value > 0.0 for value in values[: period - 1])
        assert values[period - 1 :] == [0.0] * (131 - period)
    assert [one[3] for one in told[59:]] == [None] * 71


@pytest.mark.parametrize("series", MADE + LULLS)
def test_as_defined(series: Series) -> None:
    check(series)


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_defined_on_real_bars(symbol: str, skip: int) -> None:
    check(real(symbol, skip))
