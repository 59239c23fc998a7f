"""Ratios of longs and shorts, by examples that can be counted by hand."""

import pytest

from operators.feature import Close, Moment, Ratios
from operators.indicators.long_short import LongShort
from schemas.time import DAY, HOUR, MINUTE
from tests.operators.indicators.support import walked_bars


def test_what_is_not_told_is_not_known() -> None:
    (bar,) = walked_bars(1, 1)
    measure = LongShort()
    assert measure.update(Close(bar, Moment(), {}, bar.ts_open + MINUTE)) == (None,) * 9
    moment = Moment(ratios=Ratios(accounts=1.5, since=bar.ts_open - HOUR))
    assert measure.update(Close(bar, moment, {}, bar.ts_open + MINUTE)) == (1.5, *(None,) * 7, 61 / 60)


def test_each_has_its_score_against_the_day_before() -> None:
    measure, found = LongShort(), []
    bars = walked_bars(1, DAY // MINUTE + 1)
    for i, bar in enumerate(bars):
        odd = float(i % 2)
        moment = Moment(ratios=Ratios(1.0 + odd, 2.0 - odd, 1.0 + 2.0 * odd, 3.0, bar.ts_open))
        found.append(measure.update(Close(bar, moment, {}, bar.ts_open + MINUTE)))
    assert found[-2][1::2] == (None,) * 4
    assert found[-1][1:7:2] == pytest.approx((-1.0, 1.0, -1.0))
    assert found[-1][7] is None
