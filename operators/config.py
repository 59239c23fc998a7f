"""What the operators are told: everything outside the log that can change a result."""

from typing import Annotated

from msgspec import Meta, Struct

from schemas.time import SECOND, TIMEFRAMES, Timeframe

__all__ = ["DeskConfig", "InstrumentConfig", "RiskConfig", "StrategyConfig"]

Duration = Annotated[int, Meta(ge=0, description="nanoseconds")]


class InstrumentConfig(Struct, frozen=True, kw_only=True):
    """Of the step that runs once an instrument."""

    timeframes: tuple[Timeframe, ...] = TIMEFRAMES
    allowed_lateness: Duration = 2_500_000_000
    """A bar closes this long after its end, so trades may come this late and still count."""
    heartbeat_timeout: Duration = 5 * SECOND
    """Event time without a heartbeat after which nobody is taken to have listened."""
    future_tolerance: Duration = 5 * SECOND
    """How far an event may lie ahead of its own receipt: the clocks of exchange and receiver differ."""
    book_sample: Annotated[int, Meta(gt=0)] = SECOND
    book_depth: int | None = None


class StrategyConfig(Struct, frozen=True, kw_only=True):
    """Of the rule strategy; distances in average true ranges, durations in bars of the signal's timeframe."""

    timeframes: tuple[Timeframe, ...] = ("1m", "5m", "15m")
    threshold: float = 0.45
    stop_atr: float = 1.5
    targets_atr: tuple[float, float, float] = (1.5, 3.0, 4.5)
    horizon_bars: int = 24
    entry_bars: int = 3
    cooldown_bars: int = 10


class RiskConfig(Struct, frozen=True, kw_only=True):
    """Of the suggested size and the last checks before publication."""

    risk_per_trade: float = 100.0
    """Quote currency lost if a signal is stopped out."""
    max_spread_bps: float = 10.0


class DeskConfig(Struct, frozen=True, kw_only=True):
    """Of the step that decides."""

    strategy: StrategyConfig = StrategyConfig()
    risk: RiskConfig = RiskConfig()
