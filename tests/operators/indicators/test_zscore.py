"""The score against the last day or two, beside a plain definition over all values."""

from bisect import bisect_left

import numpy as np
import pytest

from operators.bars import OpenBar
from operators.feature import Close, Moment
from operators.indicators.zscore import SessionsZScore, ZScore
from schemas.time import DAY, HOUR, MINUTE
from tests.operators.indicators.support import REAL, bars_of

STEP = 15 * MINUTE


def check(at: list[int], values: list[float | None]) -> None:
    z = SessionsZScore()
    for i, (ts, value) in enumerate(zip(at, values, strict=True)):
        ours, oracle = z.update(ts, value), plain(at, values, i)
        assert (ours is None) == (oracle is None), i
        if oracle is not None:
            assert ours == pytest.approx(oracle, rel=1e-9, abs=1e-9)


def plain(at: list[int], values: list[float | None], i: int) -> float | None:
    today, value = at[i] - at[i] % DAY, values[i]
    begin, middle = bisect_left(at, today - DAY), bisect_left(at, today)
    if value is None or at[begin] != today - DAY or at[middle] != today:
        return None
    before = [x for x in values[begin:i] if x is not None]
    known = [ts for ts, x in zip(at[begin:middle], values[begin:middle], strict=True) if x is not None]
    if len(known) < 12 or known[0] >= today - DAY + HOUR or np.std(before) == 0.0:
        return None
    return float((value - np.mean(before)) / np.std(before))


@pytest.mark.parametrize("first", [0, 1, 50])
def test_as_defined_on_every_prefix(first: int) -> None:
    rng = np.random.default_rng(3)
    at = [20 * DAY + i * STEP for i in range(first, 5 * 96)]
    values: list[float | None] = [
        float(x) if keep else None
        for x, keep in zip(rng.normal(5, 2, len(at)), rng.integers(0, 9, len(at)), strict=True)
    ]
    check(at, values)


@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_defined_on_real_volumes(symbol: str, skip: int) -> None:
    bars = bars_of(symbol, skip)
    check([bar.ts_open for bar in bars], [bar.volume for bar in bars])


def test_a_session_without_its_beginning_is_none_to_measure_against() -> None:
    z = SessionsZScore()
    assert [z.update(DAY + i * STEP, float(i)) for i in range(1, 96)] == [None] * 95
    assert z.update(2 * DAY, 3.0) is None
    assert [z.update(2 * DAY + i * STEP, float(i)) for i in range(1, 96)] == [None] * 95
    assert z.update(3 * DAY, 3.0) is not None


def test_what_never_varied_has_no_deviation() -> None:
    z = SessionsZScore()
    assert [z.update(i * STEP, 0.1) for i in range(3 * 96)] == [None] * (3 * 96)


@pytest.mark.parametrize("length", [4 * HOUR, DAY])
def test_on_long_timeframes_against_the_bars_before(length: int) -> None:
    """All 20 have to be known, so that none is older than its memory; after a flat stretch there is no deviation."""
    rng, score = np.random.default_rng(5), ZScore()
    values = [None if rng.random() < 0.03 else float(x) for x in rng.normal(5, 2, 150)] + [3.0] * 30
    for at, value in enumerate(values):
        ours = score.update(Close(OpenBar(at * length), Moment(), {}, (at + 1) * length), value)
        before = [x for x in values[max(at - 20, 0) : at] if x is not None]
        if value is None or len(before) < 20 or np.std(before) == 0.0:
            assert ours is None
        else:
            assert ours == pytest.approx((value - np.mean(before)) / np.std(before), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("known", range(21, 42))
def test_what_stands_still_after_it_varied_has_no_deviation(known: int) -> None:
    """As funding does; at each place of the ring."""
    rates = np.random.default_rng(known).uniform(-1e-3, 1e-3, known).tolist()
    volumes = np.random.default_rng(known).uniform(1.0, 1e6, known).tolist()
    for values in ([*rates, *[1e-4] * 20, 1.1e-4], [*volumes, *[0.0] * 20, 1.0]):
        score = ZScore()
        told = [
            score.update(Close(OpenBar(at * DAY), Moment(), {}, (at + 1) * DAY), value)
            for at, value in enumerate(values)
        ]
        assert None not in told[20:-1]
        assert told[-1] is None


@pytest.mark.parametrize("length", [MINUTE, HOUR])
def test_up_to_an_hour_against_two_sessions(length: int) -> None:
    rng, score, sessions = np.random.default_rng(5), ZScore(), SessionsZScore()
    for at in range(3 * DAY // length):
        value = float(rng.normal())
        bar = OpenBar(at * length)
        wanted = sessions.update(bar.ts_open, value)
        assert score.update(Close(bar, Moment(), {}, bar.ts_open + length), value) == wanted
