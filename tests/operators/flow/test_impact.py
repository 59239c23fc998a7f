"""Kyle's lambda beside the least squares of NumPy."""

from bisect import bisect_left
from itertools import pairwise
from math import isfinite

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.feature import Close, Moment
from operators.flow.impact import MEASURES, ImpactMeter, ImpactPart
from operators.microstructure import BufferedTrade
from schemas.market import Side
from schemas.time import DAY, MINUTE, SECOND
from tests.data import needs_data
from tests.operators.flow.support import TAPES, inside, recorded
from tests.operators.indicators.support import walked_bars
from tests.operators.support import QUICK, beats, in_order, quote, run, trade, vectors

NAMES = ("kyle_lambda", "kyle_r2")


def least_squares(flows: list[float], moves: list[float]) -> tuple[float, float]:
    """Slope and R squared, by NumPy."""
    x, y = np.array(flows), np.array(moves)
    design = np.column_stack([x, np.ones(len(x))])
    found = np.linalg.lstsq(design, y, rcond=None)[0]
    left = y - design @ found
    return float(found[0]), float(1 - left @ left / ((y - y.mean()) @ (y - y.mean())))


def values(part: ImpactPart) -> tuple[float | None, ...]:
    found = MEASURES[0].step(None, Close(walked_bars(1, 1)[0], Moment(), {"impact": part}, 0))
    assert isinstance(found, tuple)
    return found


@needs_data
@pytest.mark.parametrize("name", TAPES)
def test_on_real_tapes(name: str) -> None:
    tape = recorded(name)
    times = [event.ts_event for event in tape.quotes]
    compared = 0
    for vector in tape.vectors:
        begin, end = inside(vector)
        edges = [bisect_left(times, ts) - 1 for ts in range(begin, end + 1, SECOND)]
        mids = [(tape.quotes[at].bid_price + tape.quotes[at].ask_price) / 2 for at in edges if at >= 0]
        if len(mids) < len(edges):
            continue
        flows = [0.0] * (len(mids) - 1)
        for event in tape.trades:
            if begin <= event.ts_event < end:
                flows[(event.ts_event - begin) // SECOND] += (
                    event.size if event.aggressor_side == "buy" else -event.size
                )
        wanted = least_squares(flows, [later - mid for mid, later in pairwise(mids)])
        assert [vector.features[name] for name in NAMES] == pytest.approx(wanted, rel=1e-9)
        compared += 1
    assert compared >= 4


SECONDS = st.lists(
    st.tuples(st.none() | st.integers(-5, 5), st.lists(st.integers(-4, 4), max_size=2)), min_size=35, max_size=90
)


@QUICK
@given(seconds=SECONDS, closes=st.sets(st.integers(1, 89)), cut=st.integers(0, 89))
def test_seconds_that_are_known_make_the_slope(
    seconds: list[tuple[int | None, list[int]]], closes: set[int], cut: int
) -> None:
    """Of each second: where the middle goes, if anywhere, and what is traded; 0: by nobody knows whom."""
    meter = ImpactMeter()
    whole: ImpactPart | None = None
    mid: float | None = None
    flows: list[float] = []
    moves: list[float] = []
    for at, (to, signed) in enumerate(seconds, 100):
        ts = at * SECOND
        if at - 100 == cut:
            again = ImpactMeter()
            again.restore(meter.state())
            meter = again
        sides: list[tuple[float, Side | None]] = [
            (abs(x) or 1.0, "buy" if x > 0 else "sell" if x else None) for x in signed
        ]
        trades: list[BufferedTrade] = [(ts + 5, 0, 0, 1.0, size, side, None) for size, side in sides]
        meter.trades(trades)
        before = mid
        if to == -5:
            meter.lose(ts + 7)
            mid = None
        elif to is not None:
            meter.quotes([(ts + 3, 90.0, 91.0), (ts + 7, 99.0 + to, 101.0 + to)])
            mid = 100.0 + to
        if before is not None and mid is not None and 0 not in signed:
            flows.append(float(sum(signed)))
            moves.append(mid - before)
        if at - 100 in closes or at == 99 + len(seconds):
            part = meter.take(ts + SECOND)
            if part is not None:
                whole = part if whole is None else whole.plus(part)
    assert (whole.seconds if whole else 0) == len(flows)
    if whole is None or len(flows) < 30 or len(set(flows)) < 2:
        assert whole is None or values(whole) == (None, None)
        return
    slope, fit = least_squares(flows, moves) if len(set(moves)) > 1 else (0.0, None)
    assert values(whole) == pytest.approx((slope, fit), rel=1e-9, abs=1e-9)


def test_a_second_with_a_trade_of_nobody_does_not_count() -> None:
    meter = ImpactMeter()
    meter.quotes([(SECOND, 99.0, 101.0)])
    meter.trades([(2 * SECOND, 0, 0, 1.0, 1.0, None, None), (3 * SECOND, 0, 0, 1.0, 0.0, None, None)])
    part = meter.take(MINUTE)
    assert part is not None
    assert part.seconds == 57
    assert all(map(isfinite, part))


def test_too_few_seconds_have_no_slope() -> None:
    trades = [trade(i, 100.0, 1.0 + i % 3, number=i + 1) for i in range(130)]
    quotes = [quote(31.5 + i, 99.0 + i % 2, 101.0 + i % 2, number=i + 1) for i in range(90)]
    first, second = vectors(run(in_order(trades, quotes, beats(0, 130))))
    assert [first.features[name] for name in NAMES] == [None, None]
    assert None not in [second.features[name] for name in NAMES]


def test_a_silence_of_years_is_not_gone_through_second_by_second() -> None:
    meter, year = ImpactMeter(), 31_536_000 * SECOND
    meter.quotes([(10 * SECOND, 99.0, 101.0), (12 * SECOND, 100.0, 102.0)])
    meter.lose(15 * SECOND)
    meter.quotes([(50 * year, 109.0, 111.0), (50 * year + 3 * SECOND, 110.0, 112.0)])
    part = meter.take(50 * year + MINUTE)
    assert part is not None
    assert part.seconds == 4 + 59  # after the first second of each
    assert part.move * part.seconds == pytest.approx(1.0 + 1.0)


def test_an_age_without_quotes_is_passed_over() -> None:
    meter, age = ImpactMeter(), 60_000 * DAY
    meter.lose(SECOND)
    assert meter.take(age) is None
    meter.quotes([(age, 99.0, 101.0)])
    meter.begin(2 * age)
    assert meter.take(2 * age + MINUTE) is None
    meter.quotes([(2 * age + MINUTE, 99.0, 101.0)])
    part = meter.take(2 * age + 2 * MINUTE)
    assert part is not None
    assert part.seconds == 59
