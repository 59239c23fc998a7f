"""The rule strategy: trend, momentum, trade flow, book and microprice have to agree."""

from collections.abc import Callable
from hashlib import sha256
from math import fsum, tanh
from typing import Final, NamedTuple

import msgspec

from operators.config import StrategyConfig
from schemas.results import Vector
from schemas.signals import Direction, KeyFactor

__all__ = ["NAME", "USED", "VERSION", "Opinion", "judge", "version_of"]

NAME: Final = "confluence"
VERSION: Final = "1"
USED: Final = (
    "ema_20", "ema_50", "atr_14", "rsi_14", "tfi", "obi_10", "microprice", "microprice_bps", "spread_bps",
)  # fmt: skip
"""The features that an opinion and its prices are made of."""


class Opinion(NamedTuple):
    """What the strategy makes of one vector."""

    direction: Direction
    score: float
    """-1 to 1; the factors' contributions sum to its absolute value."""
    factors: list[KeyFactor]
    """Those that vote, the one that speaks most for the direction first."""
    unknown: list[str]
    """Features that it needs and that are ``None``."""


def version_of(strategy: StrategyConfig) -> str:
    """`VERSION`, and what tells other orders than the default ones apart: whether another stop or target is reached
    first, or within another time, or from bars of another length, is another question, and no model of the one answers
    the other.
    """
    told, default = (
        (one.stop_atr, one.targets_atr, one.horizon_bars, one.entry_bars, sorted(one.timeframes))
        for one in (strategy, StrategyConfig())
    )
    return VERSION if told == default else f"{VERSION}-{sha256(msgspec.json.encode(told)).hexdigest()[:8]}"


class _Factor(NamedTuple):
    feature: str
    value: float | None
    vote: float
    """-1 to 1, times the factor's weight."""
    words: Callable[[], str]
    """Most factors are part of no opinion, and need none."""


def judge(vector: Vector, config: StrategyConfig) -> Opinion | None:
    """The opinion on ``vector``, or ``None`` where the factors do not agree enough.

    Each factor votes between -1 and 1 and has a fixed weight; the weights sum to one. A feature that is ``None``
    does not vote, which makes agreement harder, and is named in ``unknown``.
    """
    f = vector.features
    factors = (_trend(f), _momentum(f), _trade_flow(f), _book(f), _lean(f))
    score = fsum(factor.vote for factor in factors)
    if abs(score) < config.threshold:
        return None
    sign = 1.0 if score > 0 else -1.0
    voting = [
        KeyFactor(feature=factor.feature, value=factor.value, contribution=sign * factor.vote, words=factor.words())
        for factor in factors
        if factor.value is not None and factor.vote
    ]
    voting.sort(key=lambda factor: (-factor.contribution, factor.feature))
    unknown = [factor.feature for factor in factors if factor.value is None]
    return Opinion("long" if score > 0 else "short", score, voting, unknown)


def _trend(f: dict[str, float | None]) -> _Factor:
    fast, slow, atr = f["ema_20"], f["ema_50"], f["atr_14"]
    if fast is None or slow is None or not atr:
        return _Factor("ema_20", None, 0.0, str)
    trend = (fast - slow) / atr
    where = "above" if trend > 0 else "below"
    return _Factor("ema_20", fast, 0.25 * tanh(trend), lambda: f"EMA 20 lies {abs(trend):.1f} ATR {where} EMA 50")


def _momentum(f: dict[str, float | None]) -> _Factor:
    rsi = f["rsi_14"]
    if rsi is None:
        return _Factor("rsi_14", None, 0.0, str)
    where = "rising" if rsi > 50.0 else "falling"
    return _Factor(
        "rsi_14", rsi, 0.20 * tanh((rsi - 50.0) / 15.0), lambda: f"RSI 14 at {rsi:.0f} shows {where} momentum"
    )


def _trade_flow(f: dict[str, float | None]) -> _Factor:
    tfi = f["tfi"]
    if tfi is None:
        return _Factor("tfi", None, 0.0, str)
    more, fewer = ("buyers", "sellers") if tfi > 0 else ("sellers", "buyers")
    return _Factor("tfi", tfi, 0.20 * tfi, lambda: f"aggressive {more} exceed {fewer} by {abs(tfi):.0%} of the volume")


def _book(f: dict[str, float | None]) -> _Factor:
    obi = f["obi_10"]
    if obi is None:
        return _Factor("obi_10", None, 0.0, str)
    more, fewer = ("bids", "asks") if obi > 0 else ("asks", "bids")
    return _Factor(
        "obi_10",
        obi,
        0.20 * obi,
        lambda: f"ten levels of the book hold {abs(obi):.0%} more {more} than {fewer}, over their sum",
    )


def _lean(f: dict[str, float | None]) -> _Factor:
    micro, spread = f["microprice_bps"], f["spread_bps"]
    if micro is None or not spread:
        return _Factor("microprice_bps", None, 0.0, str)
    lean = max(-1.0, min(1.0, 2.0 * micro / spread))
    return _Factor(
        "microprice_bps", micro, 0.15 * lean, lambda: f"the microprice leans to the {'ask' if lean > 0 else 'bid'}"
    )
