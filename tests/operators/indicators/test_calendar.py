"""The time of a close, beside Python's calendar."""

from datetime import UTC, datetime, timedelta
from math import atan2, pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.bars import OpenBar
from operators.feature import Moment
from operators.features import FeatureSet
from schemas.time import MINUTE

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def angle(sine: float | None, cosine: float | None) -> float:
    assert sine is not None
    assert cosine is not None
    assert sine**2 + cosine**2 == pytest.approx(1.0)
    return atan2(sine, cosine) % (2 * pi) / (2 * pi)


@given(st.integers(0, 60 * 24 * 365 * 60))
def test_as_the_calendar_says(minutes: int) -> None:
    bar = OpenBar((minutes - 1) * MINUTE)
    bar.empty(1.0)
    vector = FeatureSet("1m").update(bar, Moment())
    at = EPOCH + timedelta(minutes=minutes)
    hour = at.hour + at.minute / 60
    apart = abs(angle(vector["hour_sin"], vector["hour_cos"]) - hour / 24)
    assert min(apart, 1 - apart) < 1e-9
    apart = abs(angle(vector["weekday_sin"], vector["weekday_cos"]) - (at.weekday() + hour / 24) / 7)
    assert min(apart, 1 - apart) < 1e-9
    asia, europe, us = (vector[f"session_{name}"] for name in ("asia", "europe", "us"))
    assert (asia, europe, us) == (float(hour < 9), float(7 <= hour < 16), float(13 <= hour < 22))
