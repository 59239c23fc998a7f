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
    volatility = RealisedVolatility(20)
    squares = np.concatenate([[np.nan], np.diff(np.log(series.close)) ** 2])
    oracle = np.array(
        [np.sqrt(np.sum(squares[max(0, i - 19) : i + 1])) if i >= 20 else np.nan for i in range(len(squares))]
    )
    found = [volatility.update(float(x)) for x in series.close]
    assert [value is None for value in found] == np.isnan(oracle).tolist()
    assert found[20:] == pytest.approx(oracle[20:].tolist(), rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("series", MADE)
def test_as_defined(series: Series) -> None:
    check(series)


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_defined_on_real_bars(symbol: str, skip: int) -> None:
    check(real(symbol, skip))
