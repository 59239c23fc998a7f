"""The price of every coin: correlated returns, volatility that comes in clusters, tails, a daily wave, crashes."""

from collections import deque
from math import cos, exp, fsum, log, pi, sqrt
from typing import Final

from schemas.time import DAY, HOUR, MINUTE, SECOND
from sources.simulator.config import SimulatorConfig
from sources.simulator.faults import Schedule
from sources.simulator.randomness import Draw, normals, tail_scales

__all__ = ["YEAR", "Coins", "Crash", "Trend", "Volatility", "activity", "daily_wave"]

YEAR: Final = 365 * DAY


class Volatility:
    """A market-wide factor on every coin's volatility whose square is 1 in the mean.

    Its logarithm is an Ornstein-Uhlenbeck process (Taylor, "Financial returns modelled by the product of two
    stochastic processes", 1982): normal with standard deviation ``volatility_spread``, correlation halved every
    ``volatility_halflife`` seconds.
    """

    def __init__(self, config: SimulatorConfig, step: int, draw: Draw) -> None:
        """``step`` in ns is what one `advance` moves on."""
        self._spread = config.volatility_spread
        self._keep = 0.5 ** (step / SECOND / config.volatility_halflife)
        self._shock = self._spread * sqrt(1.0 - self._keep**2)
        self._draw = draw
        # The simulation and the history before it start from the same draw, in opposite directions.
        self._log = self._spread * normals(config.seed, "volatility/start")()

    def advance(self) -> float:
        """The factor of the next step."""
        self._log = self._keep * self._log + self._shock * self._draw()
        return exp(self._log - self._spread**2)


class Trend:
    """A coin's drift, which stays a while, so that the past knows of the future: an Ornstein-Uhlenbeck process."""

    def __init__(self, config: SimulatorConfig, coin: str, step: int, draw: Draw) -> None:
        """``step`` in ns is what one `advance` moves on."""
        self._keep = 0.5 ** (step / SECOND / config.trend_halflife)
        self._shock = sqrt(1.0 - self._keep**2)
        self._draw = draw
        self._scale = config.trend * sqrt(step / MINUTE)  # a drift grows with time, a deviation with its root
        self._now = normals(config.seed, f"trend/start/{coin}")()  # of simulation and history, in opposite directions

    def advance(self) -> float:
        """The drift of the next step, in standard deviations of the step's return."""
        self._now = self._keep * self._now + self._shock * self._draw()
        return self._scale * self._now


def daily_wave(config: SimulatorConfig, ts: int) -> float:
    """The time of day's factor on volatility, its square 1 in the mean over a day."""
    wave = 1.0 + config.intraday * cos(2.0 * pi * (ts % DAY - 15 * HOUR) / DAY)
    return wave / sqrt(1.0 + 0.5 * config.intraday**2)


def activity(config: SimulatorConfig, scale: float) -> float:
    """How busy a market is whose volatility is ``scale`` times the long run's: 1 in the mean."""
    return scale * exp(0.5 * config.volatility_spread**2) * sqrt(1.0 + 0.5 * config.intraday**2)


class Coins:
    """Log prices of all coins, one step after another.

    A step's return is σ √dt · v · w (√ρ f + √(1 - ρ) e): a volatility factor v, a factor w that makes Student t of
    normals, a common normal f and the coin's own e. What will happen is drawn ``horizon`` ahead, so that the books
    can know of it. A `Trend` is added to it.
    """

    def __init__(self, config: SimulatorConfig) -> None:
        seed = config.seed
        self._config = config
        self._volatility = Volatility(config, config.step, normals(seed, "volatility"))
        self._trends = [
            Trend(config, coin.name, config.step, normals(seed, f"trend/{coin.name}")) for coin in config.coins
        ]
        self._tails = tail_scales(seed, "tails", config.tail_degrees)
        self._common = normals(seed, "common")
        self._own = [normals(seed, f"own/{coin.name}") for coin in config.coins]
        self._weights = sqrt(config.correlation), sqrt(1.0 - config.correlation)
        self._sigmas = [coin.volatility * sqrt(config.step / YEAR) for coin in config.coins]
        self._base = [log(coin.price) for coin in config.coins]
        self._coming: list[deque[float]] = [deque() for _ in config.coins]
        self._ahead = round(config.horizon * config.steps_per_second)
        self._crash = Crash(config)

        self.logs = self._base[:]
        """Natural logarithm of each price, crash included."""
        self.last = [0.0 for _ in config.coins]
        """The last step's return over its long-run deviation, volatility left out."""
        self.future = [0.0 for _ in config.coins]
        """The same of the next ``horizon`` seconds together: mean 0, variance 1."""
        self.activity = 1.0
        """How busy the market is, 1 in the long run; more in a crash."""
        self.stress = 0.0
        """How deep in a crash: 0 to 1."""
        for _ in range(self._ahead):
            self._look()

    def advance(self, ts: int) -> None:
        """Move to the step that ends at ``ts`` (ns)."""
        self._look()
        scale = self._volatility.advance() * daily_wave(self._config, ts)
        drop, self.stress = self._crash.at(ts)
        self.activity = activity(self._config, scale) * (1.0 + 4.0 * self.stress)
        norm = 1.0 / sqrt(self._ahead)
        for i, coming in enumerate(self._coming):
            now = coming.popleft()
            self._base[i] += self._sigmas[i] * scale * (now + self._trends[i].advance())
            self.logs[i] = self._base[i] + drop
            self.last[i] = now
            self.future[i] = fsum(coming) * norm

    def _look(self) -> None:
        tail = self._tails()
        common = self._weights[0] * self._common()
        for own, coming in zip(self._own, self._coming, strict=True):
            coming.append(tail * (common + self._weights[1] * own()))


class Crash:
    """Flash crashes: all prices fall by the same fraction within seconds and come back."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._fault = config.faults.flash_crash
        self._schedule = Schedule(self._fault, seed=config.seed, start=config.start, name="flash_crash")
        self._since: int | None = None

    def at(self, ts: int) -> tuple[float, float]:
        """What is added to each log price at ``ts``, and how deep in the crash that is, 0 to 1.

        Down in a straight line, up by an exponential that is 95 % back after ``recovery`` seconds.
        """
        begun = self._schedule.take(ts)
        if self._since is None:  # one that is due in the midst of another is left out
            self._since = begun
        if self._since is None:
            return 0.0, 0.0
        elapsed = (ts - self._since) / SECOND
        if elapsed < self._fault.fall:
            share = elapsed / self._fault.fall
        else:
            share = exp(-3.0 * (elapsed - self._fault.fall) / self._fault.recovery)
        if share < 1e-4 and elapsed > self._fault.fall:
            self._since = None
        return log(1.0 - self._fault.drop) * share, share
