"""The price process against what its settings say, on fixed seeds."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.market import Quote
from schemas.time import DAY, HOUR, MINUTE, SECOND
from sources.simulator.config import SimulatorConfig
from sources.simulator.prices import YEAR, Coins, Trend, daily_wave
from sources.simulator.randomness import normals
from tests.sources.simulator.support import BTC, BTC_PERPETUAL, START, config, hour, of_type

Floats = NDArray[np.float64]


@cache
def log_returns(seconds: int = 50_000, **changes: float) -> Floats:
    """Of every coin (columns), one a second (rows)."""
    return steps_of(config(steps_per_second=1, **changes), seconds)


def steps_of(settings: SimulatorConfig, count: int) -> Floats:
    coins = Coins(settings)
    logs = [coins.logs[:]]
    for i in range(1, count + 1):
        coins.advance(settings.start + i * settings.step)
        logs.append(coins.logs[:])
    return np.diff(np.array(logs), axis=0)


@pytest.mark.parametrize("correlation", [0.0, 0.7, 0.95])
def test_returns_correlate_as_configured(correlation: float) -> None:
    returns = log_returns(30_000, correlation=correlation, volatility_spread=0.0, tail_degrees=30.0)
    for other in (1, 2):
        measured = np.corrcoef(returns[:, 0], returns[:, other])[0, 1]
        # Fisher's transformation makes a correlation normal with deviation 1 / sqrt(n - 3).
        assert abs(np.arctanh(measured) - np.arctanh(correlation)) < 3.3 / np.sqrt(len(returns) - 3)


def test_tails_and_volatility_leave_the_correlation() -> None:
    returns = log_returns()
    # Blomqvist's quadrant correlation looks at signs alone; for elliptical laws it is 2/π arcsin ρ.
    quadrants = np.mean(np.sign(returns[:, 0]) * np.sign(returns[:, 1]))
    assert np.sin(np.pi / 2 * quadrants) == pytest.approx(0.7, abs=0.01)


def test_a_trend_is_as_configured_and_stays_as_long() -> None:
    trend = Trend(config(trend=0.3, trend_halflife=600.0), "BTC", MINUTE, normals(7, "trend/BTC"))
    drifts = np.array([trend.advance() for _ in range(100_000)])
    assert drifts.std() == pytest.approx(0.3, rel=0.05)
    assert np.corrcoef(drifts[10:], drifts[:-10])[0, 1] == pytest.approx(0.5, abs=0.05)


def test_a_trend_moves_every_coin_and_nothing_else() -> None:
    plain, moved = (log_returns(2_000, trend=trend) for trend in (0.0, 0.3))
    drift = moved - plain
    assert (drift != 0.0).all()
    assert drift.std() < 0.1 * plain.std()  # of a second: 0.3 over the root of 60
    assert np.abs(np.corrcoef(drift[:, 0], drift[:, 1])).min() < 0.99  # each coin has its own


def test_a_years_volatility_is_as_configured() -> None:
    returns = log_returns(volatility_spread=0.0, intraday=0.0, tail_degrees=30.0)
    a_year = returns.std(axis=0) * np.sqrt(YEAR / SECOND)
    assert a_year == pytest.approx([coin.volatility for coin in config().coins], rel=0.01)


def test_volatility_comes_in_clusters_that_last_as_configured() -> None:
    halflife, spread = 600.0, 0.4
    returns = log_returns(100_000, volatility_halflife=halflife, intraday=0.0, tail_degrees=1_000.0)
    # log|r| = log volatility + log|z|: a normal z has variance π²/8 there, and the lags show the volatility alone.
    size = np.log(np.abs(returns[:, 0]))
    size -= size.mean()
    for lag in (1, 60, 600):
        expected = spread**2 * 0.5 ** (lag / halflife) / (spread**2 + np.pi**2 / 8)
        assert np.mean(size[lag:] * size[:-lag]) / size.var() == pytest.approx(expected, abs=0.025)
    calm = np.log(np.abs(log_returns(volatility_spread=0.0, tail_degrees=1_000.0, intraday=0.0)[:, 0]))
    assert abs(np.corrcoef(calm[1:], calm[:-1])[0, 1]) < 0.015


def excess_kurtosis(values: Floats) -> float:
    return float(np.mean((values - values.mean()) ** 4) / values.var() ** 2 - 3)


def test_returns_have_fat_tails_and_no_memory() -> None:
    returns = log_returns()[:, 0]
    assert excess_kurtosis(returns) > 4
    assert excess_kurtosis(log_returns(volatility_spread=0.0, tail_degrees=1_000.0, intraday=0.0)[:, 0]) < 0.2
    signs = np.sign(returns)
    assert abs(np.mean(signs[1:] * signs[:-1])) < 3.3 / np.sqrt(len(returns))


def test_the_day_has_a_wave_that_leaves_the_mean_variance() -> None:
    settings = config()
    midnight = START - START % DAY
    waves = np.array([daily_wave(settings, midnight + hour * HOUR) for hour in range(24)])
    assert np.argmax(waves) == 15
    assert np.mean(waves**2) == pytest.approx(1.0)


def test_what_is_known_of_the_future_comes_true() -> None:
    coins = Coins(config(horizon=5.0))
    futures, moves = [], []
    for i in range(1, 4_000):
        coins.advance(START + i * SECOND // 2)
        futures.append(coins.future[0])
        moves.append(coins.last[0])
    for i in range(0, 3_900, 97):
        assert futures[i] == pytest.approx(sum(moves[i + 1 : i + 11]) / np.sqrt(10))


def test_quotes_move_as_the_prices_do() -> None:
    _, stream = hour()
    mids = {name: [np.nan] * 3601 for name in (BTC, BTC_PERPETUAL, "sim:ETH/USDT:USDT")}
    for quote in of_type(Quote, stream):
        if quote.instrument_id in mids:
            mids[quote.instrument_id][(quote.ts_event - START) // SECOND] = 0.5 * (quote.bid_price + quote.ask_price)
    spot, perpetual, ether = (np.diff(np.log(values)) for values in mids.values())
    assert np.corrcoef(spot, perpetual)[0, 1] > 0.95
    assert np.corrcoef(spot, ether)[0, 1] == pytest.approx(0.7, abs=0.06)
