"""What a perpetual has beyond a spot pair: basis, mark price, funding, open interest, liquidations."""

from math import exp, sqrt
from typing import Final

from schemas.time import HOUR, SECOND
from sources.simulator.config import Listing, SimulatorConfig
from sources.simulator.positions import Positions
from sources.simulator.randomness import Draw, normals

__all__ = ["Basis", "Funding", "Perpetual", "funding_rate"]

_INTEREST: Final = 0.0001  # per interval of eight hours, as large venues have it
_CLAMP: Final = 0.0005
_CAP: Final = 0.0075
_SMOOTHING: Final = 1.0 / 30.0  # of the basis in the mark price: about half a minute


class Basis:
    """Log price of the perpetual over spot: an Ornstein-Uhlenbeck process, started in its long run."""

    mean: Final = 0.0001
    deviation: Final = 0.0006
    halflife: Final = 3_600.0  # seconds

    def __init__(self, step: int, draw: Draw, value: float) -> None:
        """``step`` in ns is what one `advance` moves on."""
        self._keep = 0.5 ** (step / SECOND / self.halflife)
        self._shock = self.deviation * sqrt(1.0 - self._keep**2)
        self._draw = draw
        self.value = value

    @classmethod
    def initial(cls, config: SimulatorConfig, listing: Listing) -> float:
        """The value at the start, where the history before and the simulation after meet."""
        if not listing.perpetual:
            return 0.0
        return cls.mean + cls.deviation * normals(config.seed, f"basis/start/{listing.instrument_id}")()

    def advance(self) -> float:
        """The value one step on."""
        self.value = self.mean + self._keep * (self.value - self.mean) + self._shock * self._draw()
        return self.value


def funding_rate(premium: float, interval: int) -> float:
    """Premium + clamp(interest - premium, ±0.05 %), per eight hours, scaled to ``interval`` (ns) and capped.

    The formula of Binance, OKX and Gate ("Introduction to Funding Rates"). A fraction, 8 decimals.
    """
    rate = premium + max(-_CLAMP, min(_CLAMP, _INTEREST - premium))
    return round(max(-_CAP, min(_CAP, rate * interval / (8 * HOUR))), 8)


class Funding:
    """The rate of the running interval, from its premiums averaged with linear weights, the newest the heaviest."""

    def __init__(self, interval: int, ts: int) -> None:
        self.interval = interval
        self.next = ts - ts % interval + interval
        """Time of the next settlement, ns."""
        self.rate = 0.0
        self._restart()

    def second(self, ts: int, premium: float) -> bool:
        """Count the second that ends at ``ts`` (ns); whether an interval has been settled."""
        settled = ts >= self.next
        if settled:
            self.next = ts - ts % self.interval + self.interval
            self._restart()
        self._count += 1
        self._sum += self._count * premium
        self._weights += self._count
        self.rate = funding_rate(self._sum / self._weights, self.interval)
        return settled

    def _restart(self) -> None:
        self._count, self._sum, self._weights = 0, 0.0, 0


class Perpetual:
    """The state of one perpetual beside its book."""

    def __init__(self, config: SimulatorConfig, listing: Listing, spot: float) -> None:
        """``spot`` is the coin's price at the start."""
        name = listing.instrument_id
        self._basis = Basis(config.step, normals(config.seed, f"basis/{name}"), Basis.initial(config, listing))
        self.positions = Positions(listing, spot * exp(self._basis.value))
        self.funding = Funding(listing.funding_interval, config.start)
        self.forced = [0, 0]
        """Lots still to be sold, and to be bought back, by force."""
        self._premium = self._basis.value
        self._shock = 0.0
        self._fade = 0.5 ** (config.step / SECOND / 60.0)
        self._level_lots = listing.level_size / listing.lot_size
        self._momentum = 0.0

    @property
    def basis(self) -> float:
        """Log price over spot."""
        return self._basis.value + self._shock

    def advance(self, move: float) -> None:
        """One step of the basis; ``move`` is the coin's return in it over its deviation."""
        self._basis.advance()
        self._shock *= self._fade
        self._momentum += 0.02 * (move - self._momentum)

    def push(self, lots: int) -> None:
        """Forced orders move the price: 0.4 basis points a level's mean size, half forgotten in a minute.

        ``lots`` below zero were sold. The push is what lets a cascade feed itself; it ends at 5 %.
        """
        self._shock = max(-0.05, min(0.05, self._shock + 4e-5 * lots / self._level_lots))

    def second(self, ts: int, mid: float, index: float, traded_lots: int) -> tuple[float, bool]:
        """Let the second that ends at ``ts`` pass: the mark price, and whether funding has been settled.

        The mark price is the index price times one plus the smoothed premium of the book's ``mid``.
        """
        premium = mid / index - 1.0
        self._premium += _SMOOTHING * (premium - self._premium)
        mark = index * (1.0 + self._premium)
        settled = self.funding.second(ts, premium)
        self.positions.second(mid, traded_lots, 5.0 * self._momentum)
        longs, shorts = self.positions.liquidate(mark)
        self.forced[0] += longs
        self.forced[1] += shorts
        return mark, settled
