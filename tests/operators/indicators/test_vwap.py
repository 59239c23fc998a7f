"""VWAP of the session and of the last bars beside their definitions."""

from math import fsum

import numpy as np
import pytest

from operators.bars import OpenBar
from operators.feature import Close, Moment
from operators.indicators.vwap import MEASURES, RollingVwap, SessionVwap
from schemas.time import DAY, MILLISECOND, MINUTE
from tests.data import needs_data
from tests.operators.indicators.support import LULLS, MADE, REAL, Series, real

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


@pytest.mark.parametrize("series", MADE + LULLS)
def test_of_the_last_bars_as_defined(series: Series) -> None:
    vwap, volumes = RollingVwap(20), series.volume.tolist()
    notionals = (series.volume * (series.high + series.low + series.close) / 3).tolist()
    for i in range(len(volumes)):
        value, last = vwap.update(notionals[i], volumes[i]), slice(max(0, i - 19), i + 1)
        if i < 19 or not any(volumes[last]):
            assert value is None
        else:
            assert value == pytest.approx(fsum(notionals[last]) / fsum(volumes[last]), rel=1e-12)


def test_a_bar_without_notional_has_no_distance() -> None:
    bars = [OpenBar(DAY + i * MINUTE) for i in range(20)]
    for bar in bars:
        bar.volume, bar.close = 1.0, 100.0
    for measure in MEASURES:
        state = measure.make()
        told = [measure.step(state, Close(bar, Moment(), {}, bar.ts_open + MINUTE)) for bar in bars]
        assert told[-1] == (0.0, None)
