"""Returns beside TA-Lib's ROCP, realised volatility beside its definition in numpy."""

import numpy as np
import pytest
import talib

from operators.indicators.returns import RealisedVolatility, Returns
from tests.data import needs_data
from tests.operators.indicators.support import MADE, REAL, Column, Series, real


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
    squares = np.diff(np.log(series.close)) ** 2
    for i, price in enumerate(series.close):
        *found, ratio = volatility.update(float(price))
        wanted = [np.sqrt(np.sum(squares[i - period : i])) if i >= period else None for period in (5, 20, 60)]
        assert found == [None if value is None else pytest.approx(value, rel=1e-7, abs=1e-9) for value in wanted]
        if wanted[2] and wanted[2] > 1e-6:
            assert ratio == pytest.approx(wanted[0] / wanted[2] * np.sqrt(12.0), rel=1e-7, abs=1e-5)
        elif not wanted[2]:
            assert ratio is None


@pytest.mark.parametrize("series", MADE)
def test_as_defined(series: Series) -> None:
    check(series)


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_defined_on_real_bars(symbol: str, skip: int) -> None:
    check(real(symbol, skip))
