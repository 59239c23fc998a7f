"""Prices and size of a signal, and the checks that stand between a candidate and its publication."""

from typing import NamedTuple

from operators.config import RiskConfig, StrategyConfig
from operators.desk.confluence import Opinion
from schemas.market import InstrumentDefinition
from schemas.results import Vector

__all__ = ["Plan", "plan", "vetoes"]

_ENTRY_ATR = 0.25
"""Depth of the entry zone behind the touch, in average true ranges."""


class Plan(NamedTuple):
    """Where to enter, where to stop, where to take profit."""

    entry_low: float
    entry_high: float
    stop: float
    targets: list[float]
    risk_reward: float
    size: float | None


def plan(
    opinion: Opinion,
    bid: float,
    ask: float,
    atr: float,
    definition: InstrumentDefinition | None,
    strategy: StrategyConfig,
    risk: RiskConfig,
) -> Plan:
    """Prices from the touch and the average true range, on the instrument's tick; size from the risk per trade.

    A long enters between the ask and a quarter of a range below it, a short mirrored at the bid. The size loses
    ``risk_per_trade`` at the stop; ``None`` for inverse contracts and without a definition.
    """
    up = opinion.direction == "long"
    sign = 1.0 if up else -1.0
    touch = ask if up else bid
    tick = definition.tick_size if definition is not None else None
    entry = sorted((touch, touch - sign * _ENTRY_ATR * atr))
    middle = (entry[0] + entry[1]) / 2
    distance = strategy.stop_atr * atr
    targets = [_on_tick(middle + sign * reach * atr, tick) for reach in strategy.targets_atr]
    return Plan(
        _on_tick(entry[0], tick),
        _on_tick(entry[1], tick),
        _on_tick(middle - sign * distance, tick),
        targets,
        strategy.targets_atr[1] / strategy.stop_atr,
        _size(distance, definition, risk),
    )


def vetoes(vector: Vector, opinion: Opinion, risk: RiskConfig) -> list[str]:
    """Why this candidate must not be published; empty if it may."""
    used = [factor.feature for factor in opinion.factors] + opinion.unknown + ["ema_50", "atr_14"]
    reasons = [f"{name} is not known" for name in opinion.unknown]
    reasons += [f"{name} is tainted: {vector.tainted[name]}" for name in used if name in vector.tainted]
    spread = vector.features["spread_bps"]
    if spread is not None and spread > risk.max_spread_bps:
        reasons.append(f"spread of {spread:.2f} bps is above {risk.max_spread_bps:g}")
    return reasons


def _on_tick(price: float, tick: float | None) -> float:
    if tick is None:
        return price
    return round(round(price / tick) * tick, 12)


def _size(distance: float, definition: InstrumentDefinition | None, risk: RiskConfig) -> float | None:
    if definition is None or definition.inverse or distance <= 0:
        return None
    size = risk.risk_per_trade / (distance * definition.contract_multiplier)
    lot = definition.lot_size
    return size if lot is None else round(size // lot * lot, 12)
