"""The regime that each member is in, by the model whose parameters the log told last."""

from typing import Final

from msgspec import Struct

from models.regimes import STATES, Parameters, Regime
from operators.feature import Feature
from schemas.market import Regimes as Told
from schemas.results import Vector
from schemas.time import Timeframe

__all__ = ["FEATURES", "Regimes"]

_UNKNOWN: Final = (None,) * len(STATES)


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
        return _UNKNOWN if chances is None else tuple(chances)

    def forget(self, timeframe: Timeframe, members: set[str]) -> None:
        """Forget the filters of all instruments but ``members``."""
        filters = self.filters.get(timeframe)
        if filters is not None and len(filters) > len(members):
            self.filters[timeframe] = {name: one for name, one in filters.items() if name in members}


FEATURES: Final = tuple(
    Feature(
        name=f"regime_{name}", unit="ratio", low=0.0, high=1.0, inputs=("trades", "external"),
        summary=f"Probability that the market of the instrument is {words}",
        formula="forward filter of a hidden Markov model on return_20 / (realised_volatility_20 √20) and "
        "ln(realised_volatility_20) against its average of 500 bars",
        source="Hamilton 1989; Rabiner 1989; parameters as the log told them last",
        null="no parameters were told for the timeframe, or no return and volatility since",
    )
    for name, words in zip(
        STATES, ("going up", "going down", "going nowhere", "moving more than usual"), strict=True
    )
)  # fmt: skip
