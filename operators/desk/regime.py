"""The regime that each member is in, by the model whose parameters the log told last."""

from collections.abc import Mapping
from math import fsum
from typing import Final

from msgspec import Struct

from models.regimes import STATES, Parameters, Regime, outlook
from operators.feature import Feature
from schemas.market import RegimeName
from schemas.market import Regimes as Told
from schemas.results import Vector
from schemas.time import Timeframe

__all__ = ["FEATURES", "Regimes", "sized"]

_NOTHING: Final = 1e-9
"""Of a size: less is what rounding left of it."""


class Regimes(Struct, kw_only=True):
    """Parameters by timeframe, and a filter for each instrument of each of these; plain data.

    New parameters go on from the probabilities that the old ones gave: the states are the same ones.
    """

    parameters: dict[str, Parameters] = {}
    filters: dict[str, dict[str, Regime]] = {}
    """By timeframe, then instrument."""

    def tell(self, record: Told) -> None:
        """Take new parameters."""
        self.parameters[record.timeframe] = Parameters(
            means=record.means, variances=record.variances, transition=record.transition, initial=record.initial
        )

    def values(self, vector: Vector) -> tuple[float | None, ...]:
        """The values of `FEATURES`; each vector is handed in once, in order."""
        parameters = self.parameters.get(vector.timeframe)
        if parameters is None:
            return _UNKNOWN
        filters = self.filters.setdefault(vector.timeframe, {})
        regime = filters.get(vector.instrument_id)
        if regime is None:
            regime = filters[vector.instrument_id] = Regime()
        told = vector.features
        chances = regime.update(told["return_20"], told["realised_volatility_20"], parameters)
        if chances is None:
            return _UNKNOWN
        ahead = outlook(chances, parameters)
        return (*chances, *ahead.following, ahead.change, ahead.duration)

    def forget(self, timeframe: Timeframe, members: set[str]) -> None:
        """Forget the filters of all instruments but ``members``."""
        filters = self.filters.get(timeframe)
        if filters is not None and len(filters) > len(members):
            self.filters[timeframe] = {name: one for name, one in filters.items() if name in members}


def sized(sizes: Mapping[RegimeName, float], features: Mapping[str, float | None]) -> float:
    """The mean of the states' multipliers of a size by their probabilities, 1 where these are not known; a state that
    ``sizes`` lacks leaves the size as it is. Exactly 0 where only states of size 0 are likely, 1 where all have 1.
    """
    if not sizes:
        return 1.0
    known = [(features[f"regime_{name}"], sizes.get(name, 1.0)) for name in STATES]
    chances = fsum(chance or 0.0 for chance, _ in known)
    if chances == 0.0:
        return 1.0
    mean = fsum((chance or 0.0) * share for chance, share in known) / chances
    return mean if mean > _NOTHING else 0.0


def _entry(name: str, unit: str, summary: str, formula: str, low: float, high: float, source: str) -> Feature:
    return Feature(
        name=name, unit=unit, low=low, high=high, inputs=("trades", "external"), summary=summary, formula=formula,
        source=f"{source}; parameters as the log told them last",
        null="no parameters were told for the timeframe, or no return and volatility since",
    )  # fmt: skip


_MARKETS: Final = dict(
    zip(STATES, ("going up", "going down", "going nowhere", "moving more than usual"), strict=True)
)  # fmt: skip
FEATURES: Final = (
    *(
        _entry(
            f"regime_{name}", "ratio", f"Probability that the market of the instrument is {words}",
            "forward filter of a hidden Markov model on return_20 / (realised_volatility_20 √20) and "
            "ln(realised_volatility_20) against its average of 500 bars",
            0.0, 1.0, "Hamilton 1989; Rabiner 1989",
        )
        for name, words in _MARKETS.items()
    ),
    *(
        _entry(
            f"regime_{name}_next", "ratio", f"Probability that the market is {words} at the next close",
            f"sum over the states s of regime_s × P(s → {name}), P the transition matrix", 0.0, 1.0, "Hamilton 1989",
        )
        for name, words in _MARKETS.items()
    ),
    _entry(
        "regime_change", "ratio", "Probability that the regime is another one at the next close",
        "sum over the states s of regime_s × (1 - P(s → s)), P the transition matrix", 0.0, 1.0, "Hamilton 1989",
    ),
    _entry(
        "regime_duration", "bars", "How long a regime as the present one lasts in the mean",
        "sum over the states s of regime_s / (1 - P(s → s)), each at most 1,000 bars, P the transition matrix",
        1.0, 1000.0, "the mean of a geometric duration, Rabiner 1989, eq. 5",
    ),
)  # fmt: skip
_UNKNOWN: Final = (None,) * len(FEATURES)
