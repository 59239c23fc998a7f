"""Volume over its mean beside TA-Lib's SMA."""

import numpy as np
import pytest
import talib

from operators.indicators.volume import VolumeRatio
from tests.data import needs_data
from tests.operators.indicators.support import MADE, REAL, Series, real


def check(series: Series) -> None:
    ratio = VolumeRatio(20)
    ours = [ratio.update(float(x)) for x in series.volume]
    mean = talib.SMA(series.volume, 20)
    for value, volume, usual in zip(ours, series.volume, mean, strict=True):
        if np.isnan(usual) or usual == 0.0:
            assert value is None
        else:
            assert value == pytest.approx(volume / usual, rel=1e-9)


@pytest.mark.parametrize("series", MADE)
def test_as_defined(series: Series) -> None:
    check(series)


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_defined_on_real_bars(symbol: str, skip: int) -> None:
    check(real(symbol, skip))
