"""The session's VWAP beside its definition."""

import numpy as np
import pytest

from operators.indicators.vwap import SessionVwap
from schemas.time import DAY, MILLISECOND, MINUTE
from tests.data import needs_data
from tests.operators.indicators.support import REAL, real

DAY_MS = DAY // MILLISECOND


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_defined_on_real_bars(symbol: str, skip: int) -> None:
    series = real(symbol, skip)
    typical = (series.high + series.low + series.close) / 3
    vwap = SessionVwap()
    day = np.array(series.ts_ms) // DAY_MS
    whole_days_from = int(np.argmax(np.array(series.ts_ms) % DAY_MS == 0))
    for i, ts_ms in enumerate(series.ts_ms):
        notional = float(typical[i] * series.volume[i])
        ours = vwap.update(ts_ms * MILLISECOND, notional, float(series.volume[i]))
        if i < whole_days_from:
            assert ours is None
            continue
        session = slice(int(np.searchsorted(day, day[i])), i + 1)
        oracle = np.average(typical[session], weights=series.volume[session])
        assert ours == pytest.approx(oracle, rel=1e-12)


def test_nothing_traded_yet_is_not_known() -> None:
    vwap = SessionVwap()
    assert vwap.update(DAY, 0.0, 0.0) is None
    assert vwap.update(DAY + MINUTE, 30.0, 3.0) == 10.0


def test_a_session_whose_beginning_was_missed_stays_unknown() -> None:
    vwap = SessionVwap()
    assert vwap.update(DAY, 30.0, 3.0) == 10.0
    assert [vwap.update(2 * DAY + i * MINUTE, 10.0, 1.0) for i in (1, 2)] == [None, None]
    assert vwap.update(3 * DAY, 20.0, 1.0) == 20.0


def test_restored_it_goes_on_to_the_bit() -> None:
    vwap, again = SessionVwap(), SessionVwap()
    vwap.update(DAY, 0.1, 0.3)
    again.restore(vwap.state())
    assert again.update(DAY + MINUTE, 0.7, 0.1) == vwap.update(DAY + MINUTE, 0.7, 0.1)
