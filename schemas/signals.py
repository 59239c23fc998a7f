"""Signals as a desk consumes them, and what became of them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.time import Timeframe

__all__ = ["Contribution", "Direction", "KeyFactor", "ModelOpinion", "Outcome", "Signal"]

Direction = Literal["long", "short", "neutral"]
Probability = Annotated[float, Meta(ge=0, le=1)]


class KeyFactor(Struct, frozen=True, kw_only=True):
    """One reason for a signal."""

    feature: str
    value: float
    contribution: float
    """Signed share of the score: positive speaks for the signal's direction. The shares sum to the score."""
    words: str


class Contribution(Struct, frozen=True, kw_only=True):
    """What one input adds to the logit of a model's probability."""

    feature: str
    value: float | None
    """``None``: not known to the model."""
    contribution: float


class ModelOpinion(Struct, frozen=True, kw_only=True):
    """What one model said, and which version of it."""

    model: str
    version: str
    probability: Probability
    weight: float
    logit: float | None = None
    """Of the probability; said, with its parts, of what only a model may have vetoed."""
    base: float | None = None
    """The logit of a model that knows nothing; with the contributions it sums to ``logit``."""
    contributions: list[Contribution] = []
    """The one that weighs most first."""
    shadow: bool = False
    """It was only asked: it has no weight, and nobody acts on it."""


class Signal(Struct, frozen=True, kw_only=True, tag_field="type", tag="signal"):
    """A proposal to trade. Prices are in quote currency, times in ns UTC.

    On ``signals.candidates`` its status is ``candidate``, or ``vetoed`` with the reasons; on ``signals.published`` it
    is ``published``. A status is a message of its own; a message never changes.
    """

    id: str
    instrument_id: str
    timeframe: Timeframe
    strategy: str
    strategy_version: str
    direction: Direction
    confidence: Probability
    calibrated: bool
    horizon: int
    """Nanoseconds after ``ts_event`` in which the targets are meant to be met."""
    entry_low: float
    entry_high: float
    stop: float
    targets: Annotated[list[float], Meta(min_length=3, max_length=3)]
    risk_reward: float
    """Distance to the second target over distance to the stop, from the middle of the entry zone."""
    size: float | None
    """Suggested by risk, in the instrument's size unit; ``None`` where the definition does not allow to say."""
    ts_event: int
    """Close of the bar that made it."""
    ts_decided: int
    """That of the context: nothing that it was made of was received later. Fills and labels begin after it."""
    expiry: int
    """An entry not filled by then is void."""
    key_factors: list[KeyFactor]
    explanation: str
    models: list[ModelOpinion]
    schema_hash: str
    quality: list[str]
    bid: float
    ask: float
    status: Literal["candidate", "vetoed", "rejected", "expired", "published"]
    vetoes: list[str] = []


class Outcome(Struct, frozen=True, kw_only=True, tag_field="type", tag="outcome"):
    """What became of a signal, priced at bid and ask with costs; theoretical beside realised."""

    id: str
    signal_id: str
    instrument_id: str
    status: Literal["filled", "tp1", "tp2", "tp3", "stop", "expired"]
    ts_event: int
    price: float | None = None
    gross_return: float | None = None
    fees: float | None = None
    slippage: float | None = None
    funding: float | None = None
    net_return: float | None = None
    theoretical: bool = True
