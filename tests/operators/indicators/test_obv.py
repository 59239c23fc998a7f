"""On-balance volume beside TA-Lib's, day by day."""

import numpy as np
import pytest
import talib

from operators.indicators.obv import OnBalanceVolume
from schemas.time import DAY, MILLISECOND, MINUTE
from tests.data import needs_data
from tests.operators.indicators.support import REAL, real


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_ta_lib_since_midnight(symbol: str, skip: int) -> None:
    series = real(symbol, skip)
    obv = OnBalanceVolume()
    oracle = talib.OBV(series.close, series.volume)
    anchor: float | None = None
    for i, ts_ms in enumerate(series.ts_ms):
        ours = obv.update(ts_ms * MILLISECOND, float(series.close[i]), float(series.volume[i]))
        if ts_ms * MILLISECOND % DAY == 0:
            anchor = float(oracle[i - 1]) if i else float(oracle[0])
        assert (ours is None) == (anchor is None)
        if anchor is not None:
            assert ours == pytest.approx(oracle[i] - anchor, rel=1e-9, abs=1e-9 * float(np.sum(series.volume)))


def test_a_session_whose_beginning_was_missed_stays_unknown() -> None:
    obv = OnBalanceVolume()
    assert obv.update(DAY + MINUTE, 2.0, 1.0) is None
    assert obv.update(2 * DAY, 3.0, 1.0) == 1.0
    assert obv.update(3 * DAY + MINUTE, 3.0, 1.0) is None
