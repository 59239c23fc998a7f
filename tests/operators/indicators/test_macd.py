"""MACD beside TA-Lib's, which tells nothing before the signal is ready."""

import numpy as np
import pytest
import talib

from operators.errors import OperatorError
from operators.indicators.macd import MovingAverageConvergenceDivergence
from tests.data import needs_data
from tests.operators.indicators.support import MADE, REAL, Series, real


def check(series: Series, *, fast: int = 12, slow: int = 26, signal: int = 9) -> None:
    macd = MovingAverageConvergenceDivergence(fast, slow, signal)
    ours = [macd.update(float(x)) for x in series.close]
    first = next(i for i, (_, told, _) in enumerate(ours) if told is not None)
    assert first == slow + signal - 2
    oracle = np.array(talib.MACD(series.close, fast, slow, signal)).T
    assert np.isnan(oracle[:first]).all()
    np.testing.assert_allclose(
        np.array(ours[first:], dtype=float), oracle[first:], rtol=1e-9, atol=1e-9 * series.close.max()
    )
    assert [line is not None for line, _, _ in ours[:first]] == [i >= slow - 1 for i in range(first)]


@pytest.mark.parametrize("series", MADE)
def test_as_ta_lib(series: Series) -> None:
    check(series)
    check(series, fast=3, slow=5, signal=2)


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_ta_lib_on_real_bars(symbol: str, skip: int) -> None:
    check(real(symbol, skip))


def test_a_fast_average_that_is_not_faster_is_refused() -> None:
    with pytest.raises(OperatorError, match="MACD: fast is 26, it must be below slow, 26"):
        MovingAverageConvergenceDivergence(26, 26)
