"""Where the estimated liquidation levels are thickest, above and below the price."""

from operators.feature import Close, Feature, Stateless, one
from operators.liquidation_map import REACH

__all__ = ["MEASURES"]

_Values = tuple[float | None, ...]


def _step(_: Stateless, close: Close) -> _Values:
    outlook, interest = close.moment.outlook, close.moment.open_interest
    if outlook is None or not interest:
        return None, None, None, None, None
    price = close.moment.mark_price or close.bar.close
    values: list[float | None] = []
    for cluster in (outlook.above, outlook.below):
        if cluster is None:
            values += None, None
        else:
            values += 10_000.0 * abs(cluster.price / price - 1.0), cluster.size / interest
    around = outlook.size_above + outlook.size_below
    return *values, (outlook.size_above - outlook.size_below) / around if around else None


_NONE = "no rise of open interest was seen, none is told now"
_SOURCE = "operators.liquidation_map"


def _entries(place: str, side: str) -> tuple[Feature, Feature]:
    empty = f"{_NONE}, or there is no cluster within {REACH:.0%}"
    return (
        Feature(
            name=f"liq_{place}_bps", unit="bps", low=0.0, inputs=("derivatives",), memory="two sessions",
            summary=f"Distance of the nearest cluster of estimated liquidation levels {place} the price, of {side}",
            formula="10000 |cluster / mark - 1|", source=_SOURCE, null=empty,
        ),
        Feature(
            name=f"liq_{place}_share", unit="ratio", low=0.0, inputs=("derivatives",), memory="two sessions",
            summary=f"Size of that cluster {place} the price", formula="cluster / open_interest", source=_SOURCE,
            null=empty,
        ),
    )  # fmt: skip


MEASURES = (
    one(
        Stateless, _step, *_entries("above", "short positions"), *_entries("below", "long positions"),
        Feature(
            name="liq_skew", unit="ratio", low=-1.0, high=1.0, inputs=("derivatives",), memory="two sessions",
            summary=f"Estimated liquidation levels within {REACH:.0%}: those above against those below",
            formula="(above - below) / (above + below)", source=_SOURCE, null=f"{_NONE}, or none is that near",
        ),
    ),
)  # fmt: skip
