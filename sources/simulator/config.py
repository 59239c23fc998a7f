"""What the simulated market is made of: coins, what is listed on them, and how prices move."""

from fractions import Fraction
from typing import Annotated, Final, Self

from msgspec import Meta, Struct, ValidationError, convert, to_builtins

from schemas.market import InstrumentDefinition
from schemas.time import DAY, HOUR, SECOND, Nanoseconds
from sources.errors import SourceError
from sources.simulator.faults import Faults

__all__ = ["COINS", "LISTINGS", "Coin", "Grid", "Listing", "SimulatorConfig", "SimulatorError"]

Positive = Annotated[float, Meta(gt=0, lt=1e15)]


class SimulatorError(SourceError):
    """A simulation that cannot be: the text names the setting, its value and what is allowed."""


class Coin(Struct, frozen=True, kw_only=True):
    """A price that moves, in quote currency."""

    name: Annotated[str, Meta(pattern="^[A-Z0-9]+$")]
    price: Positive
    """At the start."""
    volatility: Annotated[float, Meta(ge=0.01, le=10)]
    """Standard deviation of a year's log return in the long run."""


class Listing(Struct, frozen=True, kw_only=True):
    """An instrument on a coin: spot as ``venue:BASE/QUOTE``, perpetual as ``venue:BASE/QUOTE:SETTLE``."""

    instrument_id: Annotated[str, Meta(pattern="^sim[a-z0-9]*:[A-Z0-9]+/[A-Z0-9]+(:[A-Z0-9]+)?$")]
    """The venue begins with ``sim``, so that nobody takes it for a real one."""
    tick_size: Positive
    lot_size: Positive
    trades_per_second: Annotated[float, Meta(ge=0, le=10_000)] = 2.0
    """Market orders in the long run; an order that sweeps several levels makes several trades."""
    trade_size: Positive
    """Mean of a market order, base currency."""
    level_size: Positive
    """Mean of a level near the best price, base currency."""
    spread: Annotated[float, Meta(ge=0, le=0.1)] = 2e-5
    """As a fraction of the price, in a quiet market."""
    open_interest: Annotated[float, Meta(ge=0, le=1e15)] = 0.0
    """At the start and about which it stays, base currency; only perpetuals have any."""
    funding_interval: Annotated[int, Meta(ge=SECOND, le=30 * DAY)] = 8 * HOUR
    """ns; settlements fall on its multiples."""
    taker_fee: Annotated[float, Meta(gt=-0.1, lt=0.1)] = 0.0005

    @property
    def coin(self) -> str:
        """The base currency."""
        return self.instrument_id.split(":", 1)[1].split("/", 1)[0]

    @property
    def perpetual(self) -> bool:
        """Whether the symbol names a settlement currency."""
        return self.instrument_id.count(":") == 2

    def definition(self, ts: int) -> InstrumentDefinition:
        """The record that says what is traded in which units, as of ``ts`` (ns)."""
        pair, _, settle = self.instrument_id.split(":", 1)[1].partition(":")
        base, _, quote = pair.partition("/")
        return InstrumentDefinition(
            instrument_id=self.instrument_id,
            ts_event=ts,
            ts_received=ts,
            kind="perpetual" if settle else "spot",
            base=base,
            quote=quote,
            settle=settle or None,
            tick_size=self.tick_size,
            lot_size=self.lot_size,
            funding_interval=self.funding_interval if settle else None,
            taker_fee=self.taker_fee,
        )


class Grid(Struct, frozen=True):
    """Steps of ``numerator / denominator``: count × numerator / denominator is the float that prints shortest."""

    numerator: int
    denominator: int

    @classmethod
    def of(cls, step: float) -> "Grid":
        """The grid of a tick or a lot.

        >>> Grid.of(0.1).value(612345)
        61234.5
        """
        fraction = Fraction(repr(step))
        return cls(fraction.numerator, fraction.denominator)

    def count(self, value: float) -> int:
        """The steps nearest to ``value``."""
        return round(value * self.denominator / self.numerator)

    def value(self, count: int) -> float:
        """The float of ``count`` steps."""
        return count * self.numerator / self.denominator


COINS: Final = (
    Coin(name="BTC", price=61_000.0, volatility=0.55),
    Coin(name="ETH", price=3_000.0, volatility=0.70),
    Coin(name="SOL", price=150.0, volatility=0.90),
)

LISTINGS: Final = (
    Listing(
        instrument_id="sim:BTC/USDT", tick_size=0.5, lot_size=0.0001, trade_size=0.05, level_size=0.4,
        spread=2.5e-5, taker_fee=0.001,
    ),
    Listing(
        instrument_id="sim:BTC/USDT:USDT", tick_size=0.5, lot_size=0.001, trade_size=0.15, level_size=1.2,
        open_interest=4_000.0,
    ),
    Listing(
        instrument_id="sim:ETH/USDT:USDT", tick_size=0.05, lot_size=0.01, trade_size=2.0, level_size=16.0,
        spread=3e-5, open_interest=50_000.0,
    ),
    Listing(
        instrument_id="sim:SOL/USDT:USDT", tick_size=0.005, lot_size=0.1, trade_size=25.0, level_size=200.0,
        spread=5e-5, open_interest=600_000.0,
    ),
)  # fmt: skip


class SimulatorConfig(Struct, frozen=True, kw_only=True):
    """Everything that a simulation depends on: equal configurations give equal bytes."""

    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    start: Nanoseconds
    duration: Annotated[int, Meta(ge=0, le=40_000 * DAY)] | None = None
    """ns; ``None``: without end."""
    instruments: tuple[Listing, ...] = LISTINGS
    coins: tuple[Coin, ...] = COINS
    steps_per_second: Annotated[int, Meta(ge=1, le=100)] = 2
    """How often each book follows the price."""
    levels: Annotated[int, Meta(ge=50, le=5_000)] = 250
    """At least so many a side are kept."""
    correlation: Annotated[float, Meta(ge=0, le=1)] = 0.7
    """Of any two coins' log returns."""
    tail_degrees: Annotated[float, Meta(ge=2.1, le=1_000)] = 5.0
    """Of the Student t that a step's return follows, given the volatility."""
    volatility_spread: Annotated[float, Meta(ge=0, le=1)] = 0.4
    """Standard deviation of the logarithm of the volatility around its long run."""
    volatility_halflife: Annotated[float, Meta(ge=1, le=1e7)] = 1_800.0
    """Seconds in which half of a deviation of that logarithm is gone."""
    intraday: Annotated[float, Meta(ge=0, le=0.9)] = 0.2
    """Amplitude of the daily wave of volatility, highest at 15:00 UTC."""
    edge: Annotated[float, Meta(ge=0, le=1)] = 0.2
    """How much the book's imbalance and the order flow know of the next seconds' return: 0 nothing, 1 all."""
    horizon: Annotated[float, Meta(ge=1, le=600)] = 5.0
    """Seconds ahead that this knowledge reaches."""
    trend: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Standard deviation of a drift that each coin has of its own, in that of a minute's return; 0: nobody can earn."""
    trend_halflife: Annotated[float, Meta(ge=60, le=1e7)] = 2_700.0
    """Seconds in which half of a drift is gone."""
    faults: Faults = Faults()

    def checked(self) -> Self:
        """This configuration, if every value is within its limits.

        Raises:
            SimulatorError: the first value that is not, with its place and what is allowed.
        """
        try:
            config = convert(to_builtins(self), type(self))
        except ValidationError as error:
            raise SimulatorError(f"simulator: {error}") from error
        names = [listing.instrument_id for listing in self.instruments]
        if not names or sorted(names) != sorted({*names}):
            raise SimulatorError(f"simulator.instruments = {names}: at least one, and none twice")
        for listing in self.instruments:
            self._check(listing)
        if SECOND % self.steps_per_second:
            raise SimulatorError(
                f"simulator.steps_per_second = {self.steps_per_second}: must divide 1e9, as 1, 2, 4, 5, 10 do"
            )
        for kind in self.faults.__struct_fields__:
            for name in getattr(self.faults, kind).only:
                if name not in names:
                    raise SimulatorError(f"simulator.faults.{kind}.only: {name!r} is none of {', '.join(names)}")
        return config

    @property
    def step(self) -> int:
        """ns between two moves of a book."""
        return SECOND // self.steps_per_second

    def coin_of(self, listing: Listing) -> int:
        """Position in ``coins`` of what ``listing`` is on."""
        return [coin.name for coin in self.coins].index(listing.coin)

    def _check(self, listing: Listing) -> None:
        name = listing.instrument_id
        prices = [coin.price for coin in self.coins if coin.name == listing.coin]
        if len(prices) != 1:
            raise SimulatorError(f"simulator.coins: {name} needs exactly one coin named {listing.coin}")
        if listing.tick_size * 4 * self.levels > prices[0]:
            raise SimulatorError(
                f"simulator.instruments {name}: tick_size = {listing.tick_size} leaves no room for {self.levels} levels"
                f" below {prices[0]}; at most {prices[0] / (4 * self.levels):g}"
            )
        if listing.lot_size > min(listing.trade_size, listing.level_size):
            raise SimulatorError(
                f"simulator.instruments {name}: lot_size = {listing.lot_size} is more than trade_size or level_size"
            )
