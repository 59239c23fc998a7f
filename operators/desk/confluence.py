"""The rule strategy: trend, momentum, trade flow, book and microprice have to agree."""

from math import tanh
from typing import Final, NamedTuple

from operators.config import StrategyConfig
from schemas.results import Vector
from schemas.signals import Direction, KeyFactor

__all__ = ["NAME", "VERSION", "Opinion", "judge"]

NAME: Final = "confluence"
VERSION: Final = "1"


class Opinion(NamedTuple):
    """What the strategy makes of one vector."""

    direction: Direction
    score: float
    """-1 to 1; the factors' contributions sum to its absolute value."""
    factors: list[KeyFactor]
    unknown: list[str]
    """Features that it needs and that are ``None``."""


_Factor = tuple[str, float | None, float, str, str]
"""Feature, its value, its vote (-1 to 1) times weight, words for a vote up, words for a vote down."""


def judge(vector: Vector, config: StrategyConfig) -> Opinion | None:
    """The opinion on ``vector``, or ``None`` where the factors do not agree enough.

    Each factor votes between -1 and 1 and has a fixed weight; the weights sum to one. A feature that is ``None``
    does not vote, which makes agreement harder, and is named in ``unknown``.
    """
    factors = _factors(vector.features)
    score = sum(vote for _, _, vote, _, _ in factors)
    if abs(score) < config.threshold:
        return None
    sign = 1.0 if score > 0 else -1.0
    known = [
        KeyFactor(feature=name, value=value, contribution=sign * vote, words=up if vote > 0 else down)
        for name, value, vote, up, down in factors
        if value is not None
    ]
    known.sort(key=lambda factor: (-factor.contribution, factor.feature))
    unknown = [name for name, value, *_ in factors if value is None]
    return Opinion("long" if score > 0 else "short", score, known, unknown)


def _factors(f: dict[str, float | None]) -> list[_Factor]:
    trend = None
    fast, slow, atr = f["ema_20"], f["ema_50"], f["atr_14"]
    if fast is not None and slow is not None and atr:
        trend = (fast - slow) / atr
    lean = None
    micro, spread = f["microprice_bps"], f["spread_bps"]
    if micro is not None and spread:
        lean = max(-1.0, min(1.0, 2.0 * micro / spread))
    rsi, tfi, obi = f["rsi_14"], f["tfi"], f["obi_10"]
    return [
        (
            "ema_20",
            fast if trend is not None else None,
            0.0 if trend is None else 0.25 * tanh(trend),
            f"EMA 20 lies {abs(trend or 0):.1f} ATR above EMA 50",
            f"EMA 20 lies {abs(trend or 0):.1f} ATR below EMA 50",
        ),
        (
            "rsi_14",
            rsi,
            0.0 if rsi is None else 0.20 * tanh((rsi - 50.0) / 15.0),
            f"RSI 14 at {rsi or 0:.0f} shows rising momentum",
            f"RSI 14 at {rsi or 0:.0f} shows falling momentum",
        ),
        (
            "tfi",
            tfi,
            0.0 if tfi is None else 0.20 * tfi,
            f"aggressive buyers exceed sellers by {abs(tfi or 0):.0%} of the volume",
            f"aggressive sellers exceed buyers by {abs(tfi or 0):.0%} of the volume",
        ),
        (
            "obi_10",
            obi,
            0.0 if obi is None else 0.20 * obi,
            f"ten levels of the book hold {abs(obi or 0):.0%} more bids than asks, over their sum",
            f"ten levels of the book hold {abs(obi or 0):.0%} more asks than bids, over their sum",
        ),
        (
            "microprice",
            f["microprice"] if lean is not None else None,
            0.0 if lean is None else 0.15 * lean,
            "the microprice leans to the ask",
            "the microprice leans to the bid",
        ),
    ]
