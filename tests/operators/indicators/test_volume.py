"""Volume over its mean beside its definition; TA-Lib's sliding sum keeps some of what has left."""

from statistics import fmean

import pytest

from operators.indicators.volume import VolumeRatio
from tests.data import needs_data
from tests.operators.indicators.support import LULLS, MADE, REAL, Series, real


def check(series: Series) -> None:
    ratio, volumes = VolumeRatio(20), series.volume.tolist()
    for i, volume in enumerate(volumes):
        value, last = ratio.update(volume), volumes[max(0, i - 19) : i + 1]
        if i < 19 or not any(last):
            assert value is None
        else:
            assert value == pytest.approx(volume / fmean(last), rel=1e-12)


@pytest.mark.parametrize("series", MADE + LULLS)
def test_as_defined(series: Series) -> None:
    check(series)


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_defined_on_real_bars(symbol: str, skip: int) -> None:
    check(real(symbol, skip))
