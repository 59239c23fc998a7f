"""Two series side by side: NumPy and the standard library on every prefix, and fractions where floats fail."""

import csv
import gzip
from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import atanh, sqrt
from statistics import linear_regression

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.desk.returns import GRID, KEPT, LAGS, RECENT, WINDOW, Comoments, Returns
from tests.data import DATA, needs_data
from tests.operators.support import QUICK

Series = NDArray[np.float64]
ONE_RETURN = st.one_of(
    st.just(0.0), st.floats(-0.9, 3.0), st.floats(-1e-6, 1e-6), st.sampled_from([1e-13, -1e-13, 1e6, -0.5])
).map(lambda x: round(x * GRID) / GRID)


def followed(xs: Iterable[float], ys: Iterable[float]) -> Iterator[Comoments]:
    x, y, pair = Returns(), Returns(), Comoments()
    for one, other in zip(xs, ys, strict=True):
        x.push(round(one * GRID))
        y.push(round(other * GRID))
        pair.follow(x, y)
        yield pair


def recorded(symbol: str, count: int) -> Series:
    path = DATA / f"bars_gpl/binance_um_1m_2025-05_2025-06/{symbol}_1m.csv.gz"
    with gzip.open(path, "rt") as file:
        closes = [float(row["close"]) for row, _ in zip(csv.DictReader(file), range(count), strict=False)]
    prices = np.array(closes)
    found: Series = prices[1:] / prices[:-1] - 1.0
    return found


def assert_as_numpy(pair: Comoments, x: Series, y: Series) -> None:
    """``x`` and ``y`` are all that went before."""
    if len(x) < WINDOW:
        assert pair.correlation() is pair.beta() is None
        return
    now, then = x[-WINDOW:], y[-WINDOW:]
    assert pair.correlation() == pytest.approx(np.corrcoef(now, then)[0, 1], rel=1e-9, abs=1e-12)
    assert pair.beta() == pytest.approx(linear_regression(then, now).slope, rel=1e-9, abs=1e-12)
    lead = pair.lead()
    assert (lead is None) == (len(x) < WINDOW + LAGS)
    if lead is not None:
        at = len(x)
        found = {
            lag: np.corrcoef(
                x[at - WINDOW - max(-lag, 0) : at - max(-lag, 0)], y[at - WINDOW - max(lag, 0) : at - max(lag, 0)]
            )[0, 1]
            for lag in range(-LAGS, LAGS + 1)
        }
        assert lead[1] == pytest.approx(found[int(lead[0])], rel=1e-9, abs=1e-12)
        assert abs(lead[1]) >= max(map(abs, found.values())) - 1e-12
    shift = pair.shift()
    assert (shift is None) == (len(x) < WINDOW + RECENT)
    if shift is not None:
        late = np.corrcoef(x[-RECENT:], y[-RECENT:])[0, 1]
        early = np.corrcoef(x[-RECENT - WINDOW : -RECENT], y[-RECENT - WINDOW : -RECENT])[0, 1]
        error = sqrt(1 / (RECENT - 3) + 1 / (WINDOW - 3))
        assert shift == pytest.approx((atanh(late) - atanh(early)) / error, rel=1e-9, abs=1e-9)


@needs_data
@pytest.mark.parametrize("symbol", ["ETHUSDT", "DOGEUSDT"])
def test_recorded_minutes_on_every_prefix(symbol: str) -> None:
    x, y = recorded(symbol, 1_000), recorded("BTCUSDT", 1_000)
    for at, pair in enumerate(followed(x, y), 1):
        assert_as_numpy(pair, x[:at], y[:at])


def test_a_long_run_is_as_good_as_a_short_one() -> None:
    random = np.random.default_rng(5)
    y = random.standard_t(3, 20_000) * 1e-3
    x = 0.7 * np.roll(y, 2) + random.standard_t(3, 20_000) * 1e-3
    for at, pair in enumerate(followed(x, y), 1):
        if at % 997 == 0 or at == 20_000:
            assert_as_numpy(pair, x[:at], y[:at])
    lead = pair.lead()
    assert lead is not None
    assert lead[0] == 2.0  # y leads by two bars


def test_after_a_leap_has_left_the_window_nothing_of_it_is_left() -> None:
    quiet = [1e-9 * (-1) ** n for n in range(200)]
    *_, pair = followed([*quiet[:100], 1e6, *quiet[:81]], [*quiet[:100], 5e5, *quiet[:81]])
    *_, fresh = followed(quiet[:81], quiet[:81])
    assert (pair.correlation(), pair.beta(), pair.shift()) == (fresh.correlation(), fresh.beta(), fresh.shift())
    assert pair.correlation() == pytest.approx(1.0)


@QUICK
@given(st.lists(st.tuples(ONE_RETURN, ONE_RETURN), min_size=WINDOW, max_size=2 * KEPT))
def test_beta_is_the_fraction_nearest(pairs: list[tuple[float, float]]) -> None:
    *_, pair = followed([x for x, _ in pairs], [y for _, y in pairs])
    window = [(Fraction(x), Fraction(y)) for x, y in pairs[-WINDOW:]]
    mean_x, mean_y = (sum(side) / WINDOW for side in zip(*window, strict=True))
    spread = sum((y - mean_y) ** 2 for _, y in window)
    if spread == 0:
        assert pair.beta() is None
        assert pair.correlation() is None
    else:
        assert pair.beta() == float(sum((x - mean_x) * (y - mean_y) for x, y in window) / spread)


def test_a_series_that_does_not_move_has_no_correlation() -> None:
    *_, pair = followed([0.0] * 100, [1e-3 * n for n in range(100)])
    assert (pair.correlation(), pair.lead(), pair.shift(), pair.beta()) == (None, None, None, 0.0)


def test_one_that_begins_anew_is_compared_from_there_on() -> None:
    random = np.random.default_rng(3)
    x, y, pair = Returns(), Returns(), Comoments()
    values = random.normal(0, 1e-3, (200, 2))
    for at, (one, other) in enumerate(values):
        if at == 100:
            y.clear()
        x.push(round(one * GRID))
        y.push(round(other * GRID))
        pair.follow(x, y)
        assert (pair.correlation() is None) == (at < WINDOW - 1 or 100 <= at < 100 + WINDOW - 1)
        if at >= 100:
            assert_as_numpy(pair, *values[100 : at + 1].T)
    pair.forget()
    assert pair.correlation() is None
