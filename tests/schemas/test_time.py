from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.time import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    TIMEFRAME_NS,
    TIMEFRAMES,
    due_timeframes,
    floor_to,
    from_text,
    to_text,
)

times = st.integers(1_230_768_000 * SECOND, 4_102_444_800 * SECOND)


def test_timeframes_go_from_short_to_long_and_nest() -> None:
    lengths = [TIMEFRAME_NS[name] for name in TIMEFRAMES]
    assert lengths == sorted(set(lengths))
    assert all(longer % shorter == 0 for shorter, longer in pairwise(lengths))
    assert lengths[-1] == DAY == 24 * HOUR


@given(ts=times, step=st.sampled_from(list(TIMEFRAME_NS.values())))
@settings(deadline=None)
def test_a_floor_is_the_last_multiple(ts: int, step: int) -> None:
    floor = floor_to(ts, step)
    assert floor % step == 0
    assert floor <= ts < floor + step


@pytest.mark.parametrize(
    ("at", "due"),
    [
        ("2023-04-05T00:00:00", ("1m", "5m", "15m", "1h", "4h", "1d")),
        ("2023-04-05T04:00:00", ("1m", "5m", "15m", "1h", "4h")),
        ("2023-04-05T03:00:00", ("1m", "5m", "15m", "1h")),
        ("2023-04-05T03:45:00", ("1m", "5m", "15m")),
        ("2023-04-05T03:50:00", ("1m", "5m")),
        ("2023-04-05T03:51:00", ("1m",)),
        ("2023-04-05T03:51:01", ()),
    ],
)
def test_what_ends_at_a_close(at: str, due: tuple[str, ...]) -> None:
    assert due_timeframes(round(datetime.fromisoformat(at + "+00:00").timestamp()) * SECOND) == due


@given(ts=times)
@settings(deadline=None)
def test_text_tells_the_same_time(ts: int) -> None:
    text = to_text(ts)
    assert text.endswith("Z")
    whole, _, decimals = text[:-1].partition(".")
    since = datetime.fromisoformat(whole + "+00:00") - datetime(1970, 1, 1, tzinfo=UTC)
    assert since // timedelta(seconds=1) * SECOND + int(decimals.ljust(9, "0")) == ts
    assert not text.endswith("0Z") or "." not in text


@given(ts=times)
@settings(deadline=None)
def test_what_text_tells_is_read_again(ts: int) -> None:
    assert from_text(to_text(ts)) == ts


def test_text_may_name_a_zone_a_day_or_no_time_at_all() -> None:
    assert from_text("2023-04-05T02:00:00.25+02:00") == 1_680_652_800 * SECOND + SECOND // 4
    assert from_text("2023-04-05") == from_text("2023-04-05T00:00") == 1_680_652_800 * SECOND
    with pytest.raises(ValueError, match="yesterday"):
        from_text("yesterday")


def test_text_has_as_many_decimals_as_it_needs() -> None:
    assert to_text(1_680_652_800 * SECOND) == "2023-04-05T00:00:00Z"
    assert to_text(1_680_652_800 * SECOND + MINUTE + 1_500_000) == "2023-04-05T00:01:00.0015Z"
