"""Prices and size of a signal, and the checks that stand between a candidate and its publication."""

from collections.abc import Callable
from itertools import pairwise
from math import ceil, floor, isfinite
from typing import Final, NamedTuple

from operators.checksum import decimals_of
from operators.config import RiskConfig, StrategyConfig
from operators.desk.confluence import USED, Opinion
from schemas.market import InstrumentDefinition
from schemas.results import Vector

__all__ = ["Plan", "plan", "scaled", "vetoes"]

_ENTRY_ATR: Final = 0.25
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

    A long enters between the ask and a quarter of a range below it, a short mirrored at the bid. The stop lies on the
    tick beyond its distance, the others on the nearest. The size loses ``risk_per_trade`` from the middle of the entry
    zone to the stop; ``None`` for inverse contracts and without a definition.
    """
    up = opinion.direction == "long"
    sign, touch = (1.0, ask) if up else (-1.0, bid)
    tick = definition.tick_size if definition is not None else None
    low, high = sorted((touch, touch - sign * _ENTRY_ATR * atr))
    middle = (low + high) / 2
    entry_low, entry_high = _on_grid(low, tick, round), _on_grid(high, tick, round)
    stop = _on_grid(middle - sign * strategy.stop_atr * atr, tick, floor if up else ceil)
    targets = [_on_grid(middle + sign * reach * atr, tick, round) for reach in strategy.targets_atr]
    entry = (entry_low + entry_high) / 2
    distance = abs(entry - stop)
    reward = abs(targets[1] - entry) / distance if distance > 0 else 0.0
    return Plan(entry_low, entry_high, stop, targets, reward, _size(distance, definition, risk))


def scaled(size: float | None, share: float, definition: InstrumentDefinition | None) -> float | None:
    """That ``share`` (0 to 1) of a size, on the instrument's lot."""
    return None if size is None or definition is None else _on_grid(size * share, definition.lot_size, floor)


def vetoes(
    vector: Vector, opinion: Opinion, prices: Plan, definition: InstrumentDefinition | None, risk: RiskConfig
) -> list[str]:
    """Why this candidate must not be published; empty if it may."""
    reasons = [f"{name} is not known" for name in opinion.unknown]
    reasons += [f"{name} is tainted: {vector.tainted[name]}" for name in USED if name in vector.tainted]
    spread = vector.features["spread_bps"]
    if spread is not None and spread > risk.max_spread_bps:
        reasons.append(f"spread of {spread:.2f} bps is above {risk.max_spread_bps:g}")
    if definition is not None and definition.status != "trading":
        reasons.append(f"the instrument is {definition.status}")
    if not _apart(opinion, prices):
        reasons.append("stop, entry and targets do not stand apart: the average true range is too small or too large")
    if prices.size == 0:
        reasons.append(f"a risk of {risk.risk_per_trade:g} does not pay for a lot")
    return reasons


def _apart(opinion: Opinion, prices: Plan) -> bool:
    """Whether stop, entry zone and targets follow one another, all of them above zero."""
    if opinion.direction == "long":
        sign, behind, ahead = 1, prices.entry_low, prices.entry_high
    else:
        sign, behind, ahead = -1, prices.entry_high, prices.entry_low
    way = (prices.stop, behind, *prices.targets)
    steps = (*pairwise(way), (ahead, prices.targets[0]))
    return min(way) > 0 and all(sign * (after - before) > 0 for before, after in steps)


def _on_grid(value: float, step: float | None, choose: Callable[[float], int]) -> float:
    """The multiple of ``step`` that ``choose`` gives; what is one already but for rounding stays."""
    if step is None or not isfinite(value / step):
        return value
    return round(choose(round(value / step, 6)) * step, decimals_of(step))


def _size(distance: float, definition: InstrumentDefinition | None, risk: RiskConfig) -> float | None:
    if definition is None or definition.inverse or distance <= 0:
        return None
    size = risk.risk_per_trade / (distance * definition.contract_multiplier)
    return _on_grid(size, definition.lot_size, floor) if isfinite(size) else None
