"""Bars of the time before the start, so that a market opens with a past: the same prices, a minute at a time."""

from collections.abc import Iterator
from math import exp, log, sqrt
from typing import Final

from schemas.market import ExchangeBar
from schemas.time import DAY, MINUTE, floor_to
from sources.simulator.config import Grid, Listing, SimulatorConfig, SimulatorError
from sources.simulator.perpetual import Basis
from sources.simulator.prices import YEAR, Trend, Volatility, activity, daily_wave
from sources.simulator.randomness import exponentials, normals, tail_scales

__all__ = ["history_bars"]

_MOST_DAYS: Final = 400


def history_bars(config: SimulatorConfig, until: int, days: float) -> Iterator[ExchangeBar]:
    """1m bars of every instrument, minute by minute, the last one closing at the minute of ``until`` (ns).

    The prices are drawn backwards from the configured ones (the processes are the same in both directions of time),
    so that the last close is about the first price of the simulation. ``ts_received`` is the close.

    Raises:
        SimulatorError: ``days`` is not from 0 to 400.
    """
    if not 0 <= days <= _MOST_DAYS:
        raise SimulatorError(f"days = {days!r}: must be from 0 to {_MOST_DAYS}")
    end = floor_to(until, MINUTE)
    past = _Past(config, end, round(days * DAY / MINUTE))
    tapes = [_bars(config, listing, past) for listing in config.instruments]
    return (bar for minute in zip(*tapes, strict=True) for bar in minute)


class _Past:
    """What all instruments share, oldest minute first."""

    def __init__(self, config: SimulatorConfig, end: int, minutes: int) -> None:
        seed = config.seed
        volatility = Volatility(config, MINUTE, normals(seed, "history/volatility"))
        trends = [
            Trend(config, coin.name, MINUTE, normals(seed, f"history/trend/{coin.name}")) for coin in config.coins
        ]
        tails = tail_scales(seed, "history/tails", config.tail_degrees)
        common = normals(seed, "history/common")
        own = [normals(seed, f"history/own/{coin.name}") for coin in config.coins]
        sigmas = [coin.volatility * sqrt(MINUTE / YEAR) for coin in config.coins]
        shared, alone = sqrt(config.correlation), sqrt(1.0 - config.correlation)

        self.end = end
        self.scales: list[float] = []
        """The factor on volatility in each minute."""
        self.logs = [[log(coin.price)] for coin in config.coins]
        """Of each coin, the log price at each minute's begin, and at the end."""
        for back in range(minutes):
            scale = volatility.advance() * daily_wave(config, end - back * MINUTE)
            tail = tails()
            move = shared * common()
            self.scales.append(scale)
            for logs, draw, sigma, trend in zip(self.logs, own, sigmas, trends, strict=True):
                logs.append(logs[-1] - sigma * scale * (tail * (move + alone * draw()) + trend.advance()))
        self.scales.reverse()
        for logs in self.logs:
            logs.reverse()


def _bars(config: SimulatorConfig, listing: Listing, past: _Past) -> Iterator[ExchangeBar]:
    """One instrument's bars.

    The extremes between two prices are those of a Brownian bridge: the maximum over a minute with end points o and c
    and deviation s is (o + c + sqrt((c - o)² - 2 s² ln U)) / 2 (Karatzas and Shreve, 2.8), likewise the minimum.
    """
    seed, name = config.seed, listing.instrument_id
    normal, exponential = normals(seed, f"history/normal/{name}"), exponentials(seed, f"history/exponential/{name}")
    coin = config.coin_of(listing)
    logs, sigma = _with_basis(config, listing, past.logs[coin]), config.coins[coin].volatility * sqrt(MINUTE / YEAR)
    ticks, lots = Grid.of(listing.tick_size), Grid.of(listing.lot_size)
    mean = listing.trade_size / listing.lot_size
    rate = 60.0 * listing.trades_per_second
    close = ticks.count(exp(logs[0]))
    begin = past.end - len(past.scales) * MINUTE
    for i, scale in enumerate(past.scales):
        start, stop, spread = logs[i], logs[i + 1], 2.0 * (sigma * scale) ** 2
        span = (stop - start) ** 2
        highest = ticks.count(exp(0.5 * (start + stop + sqrt(span + spread * exponential()))))
        lowest = ticks.count(exp(0.5 * (start + stop - sqrt(span + spread * exponential()))))
        opening, close = close, ticks.count(exp(stop))
        expected = rate * activity(config, scale)
        trades = max(1, round(expected + sqrt(expected) * normal()))
        # Sizes have mean m and variance 5 m², as the simulation's; their sum is taken as normal.
        volume = max(trades, round(mean * (trades + sqrt(5.0 * trades) * normal())))
        bought = 0.5 + 0.05 * (stop - start) / (sigma * scale) + 0.5 * sqrt(6.0 / trades) * normal()
        high, low = max(opening, close, highest), min(opening, close, lowest)
        ts_open = begin + i * MINUTE
        yield ExchangeBar(
            instrument_id=name,
            ts_event=ts_open + MINUTE,
            ts_received=ts_open + MINUTE,
            timeframe="1m",
            ts_open=ts_open,
            open=ticks.value(opening),
            high=ticks.value(high),
            low=ticks.value(low),
            close=ticks.value(close),
            volume=lots.value(volume),
            notional=round(lots.value(volume) * ticks.value(high + low + close) / 3.0, 4),
            trades=trades,
            buy_volume=lots.value(round(volume * max(0.0, min(1.0, bought)))),
        )


def _with_basis(config: SimulatorConfig, listing: Listing, logs: list[float]) -> list[float]:
    """The instrument's own log prices, its basis going backwards from the simulation's first."""
    if not listing.perpetual:
        return logs
    first = Basis.initial(config, listing)
    basis = Basis(MINUTE, normals(config.seed, f"history/basis/{listing.instrument_id}"), first)
    values = [first] + [basis.advance() for _ in logs[1:]]
    return [price + value for price, value in zip(logs, reversed(values), strict=True)]
