"""What the operators are told: everything outside the log that can change a result."""

from itertools import pairwise
from typing import Annotated, get_args

from msgspec import Meta, Struct

from models.costs import Costs
from operators.errors import OperatorError
from schemas.market import RegimeName
from schemas.time import DAY, SECOND, TIMEFRAMES, Timeframe

__all__ = ["DeskConfig", "InstrumentConfig", "MarketConfig", "ModelsConfig", "RiskConfig", "StrategyConfig"]

Duration = Annotated[int, Meta(ge=0, description="nanoseconds")]


def _check(config: Struct, name: str, *, at_least: float | None = None, above: float | None = None) -> None:
    value = getattr(config, name)
    if at_least is not None and not value >= at_least:
        raise OperatorError(f"{name} = {value}: must be at least {at_least}")
    if above is not None and not value > above:
        raise OperatorError(f"{name} = {value}: must be above {above}")


class InstrumentConfig(Struct, frozen=True, kw_only=True):
    """Of the step that runs once an instrument.

    Raises:
        OperatorError: a value that cannot be worked with; names it.
    """

    timeframes: tuple[Timeframe, ...] = TIMEFRAMES
    allowed_lateness: Duration = 2_500_000_000
    """A bar closes this long after its end, so trades may come this late and still count."""
    heartbeat_timeout: Duration = 5 * SECOND
    """Event time without a heartbeat after which nobody is taken to have listened."""
    future_tolerance: Duration = 5 * SECOND
    """How far an event may lie ahead of its own receipt: the clocks of exchange and receiver differ."""
    member_timeout: Duration = 30 * SECOND
    """Event time after which the desk no longer waits for the instruments of an ingester that says nothing."""
    book_sample: Annotated[int, Meta(gt=0)] = SECOND
    book_depth: Annotated[int, Meta(gt=0)] | None = None
    half_spread: float = 1e-4
    """Of the price, on either side of the close of a bar that was given where no book is known."""
    native: bool = True
    """Take plain records by compiled code, where this machine has it: the same results, in less time."""

    def __post_init__(self) -> None:
        for name in ("allowed_lateness", "heartbeat_timeout", "future_tolerance", "member_timeout", "half_spread"):
            _check(self, name, at_least=0)
        _check(self, "book_sample", at_least=1)
        if self.book_depth is not None:
            _check(self, "book_depth", at_least=1)


class StrategyConfig(Struct, frozen=True, kw_only=True):
    """Of the rule strategy; distances in average true ranges, durations in bars of the signal's timeframe.

    Raises:
        OperatorError: a value that cannot be worked with; names it.
    """

    timeframes: tuple[Timeframe, ...] = ("1m", "5m", "15m")
    threshold: float = 0.45
    """Least absolute score, 0 to 1."""
    stop_atr: float = 1.5
    targets_atr: tuple[float, float, float] = (1.5, 3.0, 4.5)
    """Nearest first."""
    horizon_bars: int = 24
    entry_bars: int = 3
    cooldown_bars: int = 10

    def __post_init__(self) -> None:
        for name, least in (("horizon_bars", 1), ("entry_bars", 1), ("cooldown_bars", 0)):
            _check(self, name, at_least=least)
        for name in ("threshold", "stop_atr"):
            _check(self, name, above=0)
        if not all(near < far for near, far in pairwise((0.0, *self.targets_atr))):
            raise OperatorError(f"targets_atr = {self.targets_atr}: must be above 0 and rising")


class RiskConfig(Struct, frozen=True, kw_only=True):
    """Of the suggested size and the last checks before publication.

    Raises:
        OperatorError: a value that cannot be worked with; names it.
    """

    risk_per_trade: float = 100.0
    """Quote currency lost if a signal is stopped out."""
    max_spread_bps: float = 10.0
    regime_sizes: dict[RegimeName, float] = {}
    """By regime, times the size (0 to 1, so that the risk stays a ceiling): their mean by the regime's probabilities.
    One that is not named leaves the size as it is, and so does a regime that is not known."""

    def __post_init__(self) -> None:
        for name in ("risk_per_trade", "max_spread_bps"):
            _check(self, name, above=0)
        for name, share in self.regime_sizes.items():
            if name not in get_args(RegimeName):
                raise OperatorError(f"regime_sizes: {name} is no regime, these are: {', '.join(get_args(RegimeName))}")
            if not 0 <= share <= 1:
                raise OperatorError(f"regime_sizes: {name} = {share}: must be 0 to 1")


class ModelsConfig(Struct, frozen=True, kw_only=True):
    """Of what models may do to a candidate.

    Raises:
        OperatorError: a value that cannot be worked with; names it.
    """

    min_probability: float | None = None
    """Of a positive net return, below which a candidate is vetoed; ``None``: where the model breaks even, by its own
    walk-forward, or without a batch model where the candidate does, before costs."""
    max_disagreement: float = 0.15
    """Standard deviation between the probabilities of several models, at which a candidate is vetoed; its size falls
    from one to nought up to there."""
    online: bool = False
    """Whether models learn in the stream."""
    given_up: tuple[str, ...] = ()
    """Versions that are lost for good: an activation of one is refused, and its bytes are not looked for."""
    costs: Costs = Costs()
    """Of the trades whose outcomes they learn."""

    def __post_init__(self) -> None:
        if self.min_probability is not None:
            _check(self, "min_probability", at_least=0)
        _check(self, "max_disagreement", above=0)


class MarketConfig(Struct, frozen=True, kw_only=True):
    """What instruments are compared with: an instrument, or a symbol that stands for that of the same venue.

    Raises:
        OperatorError: an instrument in two sectors; names it.
    """

    btc: str = "BTC/USDT:USDT"
    eth: str = "ETH/USDT:USDT"
    sol: str = "SOL/USDT:USDT"
    sectors: dict[str, tuple[str, ...]] = {}
    """By name."""
    metric_life: Duration = 2 * DAY
    """After its publication for which an external metric is in force."""

    def __post_init__(self) -> None:
        seen: dict[str, str] = {}
        for sector, names in self.sectors.items():
            for name in names:
                if seen.setdefault(name, sector) != sector:
                    raise OperatorError(f"sectors: {name} is in {seen[name]} and in {sector}, one is allowed")


class DeskConfig(Struct, frozen=True, kw_only=True):
    """Of the step that decides.

    Raises:
        OperatorError: a value that cannot be worked with; names it.
    """

    strategy: StrategyConfig = StrategyConfig()
    risk: RiskConfig = RiskConfig()
    market: MarketConfig = MarketConfig()
    models: ModelsConfig = ModelsConfig()
    max_waiting: Annotated[int, Meta(gt=0)] = 100_000
    """Closes of instruments that may wait for another's."""

    def __post_init__(self) -> None:
        _check(self, "max_waiting", at_least=1)
