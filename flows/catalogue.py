"""The page of the feature catalogue, made from it."""

from typing import Final, Literal

from operators.desk.context import CONTEXT, CONTEXT_HASH
from operators.feature import Feature, Span, span_on
from operators.features import CATALOGUE, SCHEMA_HASH
from schemas.catalogue import FeatureEntry
from schemas.time import TIMEFRAMES

__all__ = ["catalogue_entries", "catalogue_page", "units"]

_HEAD: Final = """# Features

Made by `candlewick features --markdown` from the catalogue in `operators/`, where each entry stands beside the code
that computes it. {count} features of a vector, schema `{schema}`, and behind them {around} of its
[context](#context), schema `{surrounds}`; the hash is written in every record. Every one is computed on all timeframes
(1m 5m 15m 1h 4h 1d) unless it says otherwise.

*Ready*: bars until it can be known. *Memory*: bars for which a loss in an input taints it. *Warm-up*: bars that a start
from stored bars has to cover for the value to equal that of an uninterrupted run to 1e-9. A *session* begins at
00:00 UTC; *two hours* are the one that
a bar begins in and the one before.

How old each input is, and whether something of it was lost, are features too: `seconds_since_trade`, `quote_age`,
`book_age`, `mark_age`, `funding_age`, `open_interest_age`, `long_short_age`, `liquidation_age`, those of metrics as
`fear_greed_age`, and `macro_since`; `trades_gap`, `quotes_gap`, `book_gap`, `derivatives_gap` and `members_gap`. What
members tell is all of one close: who has nothing to tell is missing, and never older than the others. Figures from
outside have no numbers: one that was lost shows as the age of the one before, until that is in force no more.

Plots are of two hours of a simulated market (of its last 120 closes where a feature
is of longer timeframes only), by `candlewick features --plots docs/features`: what it looks like, not what it is worth.
"""

_CONTEXT: Final = """
# Context

What only the desk knows, once all members have closed: a record of `features.context` and a row of `contexts` for each
vector of a member. A strategy sees both together, and so does who reads the view `vectors`. *Ready* counts closes at
which the desk had the vector without a hole. `members` are the vectors of all instruments that the desk waits for,
`external` what is told of the world beside the market.
"""


_PLACES: Final[dict[Literal["vector", "context"], tuple[Feature, ...]]] = {"vector": CATALOGUE, "context": CONTEXT}


def catalogue_page() -> str:
    """``docs/features.md``: one section a feature, in the order of the vector and then of its context."""
    head = _HEAD.format(
        count=len(CATALOGUE), schema=SCHEMA_HASH, around=len(CONTEXT), surrounds=CONTEXT_HASH
    )  # fmt: skip
    return head + "".join(map(_section, CATALOGUE)) + _CONTEXT + "".join(map(_section, CONTEXT))


def catalogue_entries() -> tuple[FeatureEntry, ...]:
    """The features of a vector and of its context, in their order, for who reads their values."""
    return tuple(
        FeatureEntry(
            name=feature.name, unit=feature.unit, summary=feature.summary, formula=feature.formula,
            source=feature.source, null=feature.null, inputs=[*feature.inputs], ready=feature.ready,
            memory=_span(feature.memory), timeframes=[*feature.timeframes], place=place,
            low=feature.low, high=feature.high, warm_up=_span(feature.warm_up),
        )
        for place, catalogue in _PLACES.items()
        for feature in catalogue
    )  # fmt: skip


def units() -> dict[str, str]:
    """Of the features of a vector and of its context, in their order."""
    return {feature.name: feature.unit for feature in (*CATALOGUE, *CONTEXT)}


def _span(span: Span) -> str:
    """In words, where it is not the same on all timeframes."""
    long = span_on(span, "4h")
    return str(span) if long == span else f"{span_on(span, '1h')}, on 4h and 1d {long} bars"


def _section(feature: Feature) -> str:
    low = "" if feature.low is None else f"{feature.low:g}"
    high = "" if feature.high is None else f"{feature.high:g}"
    lines = [
        f"**Formula** `{feature.formula}`",
        f"**Source** {feature.source}",
        f"**Unit** {feature.unit}"
        + (f", from {low or 'minus infinity'} to {high or 'infinity'}" if low or high else ""),
        f"**Inputs** {', '.join(feature.inputs) or 'the time of the close alone'}",
        f"**Ready** {feature.ready} · **memory** {_span(feature.memory)} · **warm-up** {_span(feature.warm_up)}",
        f"**`None`** {feature.null}",
    ]
    if feature.timeframes != TIMEFRAMES:
        lines.append(f"**Timeframes** {', '.join(feature.timeframes)}")
    plot = f"![{feature.name}](features/{feature.name}.svg)"
    return f"\n## {feature.name}\n\n{feature.summary}.\n\n{plot}\n\n" + "".join(f"- {line}\n" for line in lines)
