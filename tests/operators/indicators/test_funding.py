"""Funding and basis features, by examples that can be counted by hand."""

import pytest

from operators.feature import Close, Moment
from operators.indicators.funding import Funding
from schemas.time import DAY, HOUR, MINUTE
from tests.operators.indicators.support import walked_bars
from tests.operators.support import START


def close(i: int, **moment: float) -> Close:
    bar = walked_bars(1, i + 1)[i]
    told = {
        name: int(value) if name in {"funding_interval", "next_funding"} else value for name, value in moment.items()
    }
    return Close(bar, Moment(**told), {}, bar.ts_open + MINUTE)  # type: ignore[arg-type]  # fields by name


def test_rates_are_told_and_made_comparable() -> None:
    found = Funding().update(
        close(0, funding_rate=1e-4, funding_interval=4 * HOUR, next_funding=START + HOUR, basis_bps=3.0)
    )
    assert found[:4] == (1e-4, 2e-4, None, None)
    assert found[4:] == (None, 59 / 60, 3.0, None)


def test_what_is_not_told_is_not_known() -> None:
    assert Funding().update(close(0)) == (None,) * 8
    assert Funding().update(close(0, funding_rate=1e-4, next_funding=START - HOUR)) == (1e-4, *(None,) * 7)


def test_a_score_needs_a_whole_day_before_it() -> None:
    funding = Funding()
    bars = walked_bars(1, 2 * DAY // MINUTE)
    found = [
        funding.update(Close(bar, Moment(basis_bps=float(i % 2)), {}, bar.ts_open + MINUTE))
        for i, bar in enumerate(bars)
    ]
    scores = [one[7] for one in found]
    assert scores[:1_440] == [None] * 1_440
    assert scores[1_440] == pytest.approx(-1.0)
