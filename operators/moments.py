"""The features that are read off book and quotes at the moment of decision."""

from operators.feature import Close, Feature, Stateless, one

__all__ = ["MEASURES"]

_NO_QUOTE = "nobody listens, or no quote was seen since"
_SHALLOW = "the book is stale, or does not reach that deep"
_SIZELESS = "nobody listens, no quote was seen since, or its sizes are 0"


def _step(_: Stateless, close: Close) -> tuple[float | None, ...]:
    moment = close.moment
    return (
        moment.spread, moment.spread_bps, moment.microprice, moment.microprice_bps, moment.obi_1, moment.obi_5,
        moment.obi_10, moment.obi_20,
    )  # fmt: skip


MEASURES = (
    one(
        Stateless, _step,
        Feature(
            name="spread", unit="quote", low=0.0, inputs=("quotes",), summary="Best ask minus best bid",
            formula="ask - bid", source="its definition", null=_NO_QUOTE,
        ),
        Feature(
            name="spread_bps", unit="bps", low=0.0, inputs=("quotes",), summary="Spread over the middle",
            formula="20000 (ask - bid) / (ask + bid)", source="its definition", null=_NO_QUOTE,
        ),
        Feature(
            name="microprice", unit="quote", low=0.0, inputs=("quotes",),
            summary="Middle weighted by the opposite sizes", source="Stoikov 2018, first order",
            formula="(bid ask_size + ask bid_size) / (bid_size + ask_size)", null=_SIZELESS,
        ),
        Feature(
            name="microprice_bps", unit="bps", inputs=("quotes",), summary="Microprice over the middle, minus one",
            formula="10000 (microprice / mid - 1)", source="Stoikov 2018, first order", null=_SIZELESS,
        ),
        *(
            Feature(
                name=f"obi_{levels}", unit="ratio", low=-1.0, high=1.0, inputs=("book",),
                summary=f"Size imbalance of {levels} level{'s' if levels > 1 else ''} a side",
                formula=f"(bids - asks) / (bids + asks), sizes of the best {levels}", null=_SHALLOW,
                source="Cartea, Jaimungal, Penalva, Algorithmic and High-Frequency Trading, 2015",
            )
            for levels in (1, 5, 10, 20)
        ),
    ),
)  # fmt: skip
