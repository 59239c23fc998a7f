"""Funding and basis: what it costs to hold a perpetual, and how far it stands from its index."""

from operators.feature import Close, Feature, one
from operators.indicators.zscore import ZScore, z_feature
from operators.state import Slotted
from schemas.time import HOUR

__all__ = ["MEASURES", "Funding"]

_EIGHT_HOURS = 8 * HOUR


class Funding(Slotted):
    """Rate as told, per eight hours, time to its settlement, basis, and how unusual both are."""

    __slots__ = ("_basis", "_rate")

    def __init__(self) -> None:
        self._rate, self._basis = ZScore(), ZScore()

    def update(self, close: Close) -> tuple[float | None, ...]:
        """Take a close; the features in the catalogue's order."""
        moment = close.moment
        rate, interval, settles = moment.funding_rate, moment.funding_interval, moment.next_funding
        per_8h = None if rate is None or interval is None else rate * _EIGHT_HOURS / interval
        ahead = None if settles is None or settles < close.ts_close else (settles - close.ts_close) / HOUR
        z_rate, z_basis = self._rate.update(close, per_8h), self._basis.update(close, moment.basis_bps)
        return rate, per_8h, moment.funding_settled, z_rate, moment.funding_percentile, ahead, moment.basis_bps, z_basis


_NULL = "the venue has told none since somebody listens"

MEASURES = (
    one(
        Funding, Funding.update,
        Feature(
            name="funding_rate", unit="ratio", inputs=("derivatives",), source="the venue", null=_NULL,
            summary="Running funding rate of one interval, predicted for its end", formula="as the venue tells it",
        ),
        Feature(
            name="funding_8h", unit="ratio", inputs=("derivatives",), summary="Running funding rate per eight hours",
            formula="funding_rate 8 h / interval", source="its definition", null=f"{_NULL}, or no interval",
        ),
        Feature(
            name="funding_settled", unit="ratio", inputs=("derivatives",), memory="session", warm_up="two sessions",
            summary="Funding rate that was settled last", source="the venue",
            formula="the rate in force when it was, or as it was told then",
            null="none was settled since the first was told, or perhaps one while nobody listened",
        ),
        z_feature("funding_z", "funding_8h", inputs=("derivatives",)),
        Feature(
            name="funding_percentile", unit="ratio", low=0.0, high=1.0, inputs=("derivatives",),
            memory="thirty sessions", warm_up="thirty sessions", summary="Running funding rate among the last settled",
            formula="share of the rates settled within 29 days, at most 90, that are below it, equal ones by half; "
            "each per eight hours", source="scipy.stats.percentileofscore, kind mean",
            null=f"{_NULL}, or no interval, or fewer than 20 were settled",
        ),
        Feature(
            name="hours_to_funding", unit="hours", low=0.0, inputs=("derivatives",),
            summary="Time until the next settlement", formula="(next funding time - close) / 1 h", source="the venue",
            null=f"{_NULL}, or the time told is over",
        ),
        Feature(
            name="basis_bps", unit="bps", inputs=("derivatives",), summary="Mark price over index price, minus one",
            formula="10000 (mark / index - 1)", source="its definition",
            null="the venue has told no mark price since somebody listens, or the last one without an index price",
        ),
        z_feature("basis_z", "basis_bps", inputs=("derivatives",)),
    ),
)  # fmt: skip
