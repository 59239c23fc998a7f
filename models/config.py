"""How models are trained, as data."""

import re
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from models.errors import ModelError

__all__ = ["Boosting", "LinearConfig", "TrainConfig"]

_SCALED: Final = ("quote", "size", "quote/size", "size/bps", "notional", "USD", "mentions")

_SEGMENT: Final = "[a-z0-9-]{1,32}"
_SEGMENTS: Final = {
    "majors": ("BTC", "ETH"),
    "memes": ("DOGE", "1000PEPE", "1000SHIB", "PEPE", "SHIB", "WIF", "1000BONK"),
    "alts": (),
}


_Part = Annotated[float, Meta(gt=0, le=1)]


class Boosting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of LightGBM: small trees, many inputs left out of each, so that little is learned by heart."""

    rounds: Annotated[int, Meta(ge=1, le=100_000)] = 300
    patience: Annotated[int, Meta(ge=1)] = 25
    """Rounds without a better loss on the rows to stop on."""
    learning_rate: Annotated[float, Meta(gt=0, le=1)] = 0.04
    leaves: Annotated[int, Meta(ge=2, le=1_000)] = 4
    least_rows: Annotated[int, Meta(ge=1)] = 100
    """Of a leaf."""
    feature_fraction: _Part = 0.5
    bagging_fraction: _Part = 0.7
    l2: Annotated[float, Meta(ge=0)] = 30.0
    monotone: dict[str, Annotated[int, Meta(ge=-1, le=1)]] = field(default_factory=lambda: {"score": 1})
    """Inputs with which the probability may only rise (1) or fall (-1)."""


class LinearConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of the logistic regression that the trees have to beat."""

    c: Annotated[float, Meta(gt=0)] = 0.02
    """Inverse strength of the L2 penalty."""


class TrainConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything beside data and seed that a model depends on.

    Raises:
        ModelError: a value that cannot be worked with; names it.
    """

    segments: dict[str, list[str]] = field(
        default_factory=lambda: {name: [*bases] for name, bases in _SEGMENTS.items()}
    )
    """Base currencies, one model a segment; an empty list takes what no other names."""
    windows: int = 5
    first: float = 0.4
    """Part of the span before the first window."""
    rolling_days: Annotated[float, Meta(gt=0)] | None = None
    """Of what is trained on; all by default."""
    half_life_days: float = 180.0
    """In which the weight of a label halves."""
    without_units: list[str] = field(default_factory=lambda: [*_SCALED])
    """Features left out, as their scale is the instrument's and the day's."""
    without: list[str] = []
    """Features left out by name."""
    least_outcomes: int = 500
    """Fewer, and the strategy goes by its rules alone."""
    most_missing: float = 0.1
    """Part of the span for which an instrument's bars may be missing."""
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 7
    boosting: Boosting = Boosting()
    linear: LinearConfig = LinearConfig()

    def __post_init__(self) -> None:
        if sum(not names for names in self.segments.values()) > 1:
            raise ModelError("segments: only one may be empty and take what no other names")
        for name in self.segments:
            if not re.fullmatch(_SEGMENT, name):
                raise ModelError(f"segments: {name!r} is part of a model's name, so it has to match {_SEGMENT}")
        for name, low, high in (
            ("windows", 1, 100),
            ("first", 0.05, 0.95),
            ("half_life_days", 1, 36_500),
            ("most_missing", 0, 1),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ModelError(f"{name} = {value}: must be from {low} to {high}")
        if self.least_outcomes < 1:
            raise ModelError(f"least_outcomes = {self.least_outcomes}: must be at least 1")

    def segment_of(self, instrument_id: str) -> str | None:
        """That which ``instrument_id`` (``venue:BASE/QUOTE``) belongs to.

        >>> TrainConfig().segment_of("binanceusdm:LTC/USDT:USDT")
        'alts'
        """
        base = instrument_id.partition(":")[2].partition("/")[0]
        rest = next((name for name, bases in self.segments.items() if not bases), None)
        return next((name for name, bases in self.segments.items() if base in bases), rest)
