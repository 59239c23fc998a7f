"""How old what is known of each input is, and whether something of it was lost in the bar.

A loss that goes on, of a book for one, is told by its age: what is not known has none.
"""

from typing import Final

from operators.feature import Close, Feature, Input, Stateless, one
from schemas.time import SECOND

__all__ = ["MEASURES"]

_LIQUIDATION: Final = "liquidation_age"
_AGES: Final[dict[str, tuple[Input, str]]] = {
    "quote_age": ("quotes", "best quotes"),
    "book_age": ("book", "the book"),
    "mark_age": ("derivatives", "the mark price"),
    "funding_age": ("derivatives", "the running funding rate"),
    "open_interest_age": ("derivatives", "open interest"),
    _LIQUIDATION: ("derivatives", "the last liquidation"),
}
"""In the order of `operators.feature.Told`."""
_GAPS: Final[tuple[Input, ...]] = ("trades", "quotes", "book", "derivatives")
_UNTOLD: Final = (None,) * len(_AGES)
_UNASKED: Final = (None,) * len(_GAPS)
_WHOLE: Final = (0.0,) * len(_GAPS)


def _step(_: Stateless, close: Close) -> tuple[float | None, ...]:
    end, lost, told = close.ts_close, close.moment.lost, close.moment.told
    ages = _UNTOLD if told is None else [max(end - at, 0) / SECOND if at else None for at in told]
    if not lost:
        return *ages, *(_UNASKED if lost is None else _WHOLE)
    begin = close.bar.ts_open
    return *ages, *[1.0 if name in lost and lost[name][0] > begin else 0.0 for name in _GAPS]


MEASURES = (
    one(
        Stateless, _step,
        *(
            Feature(
                name=name, unit="s", low=0.0, inputs=(of,), summary=f"Time since {what} were told"
                if what.endswith("s") else f"Time since {what} was told", formula="close - its event time, at least 0",
                source="its definition", null="it is not known now",
            )
            for name, (of, what) in _AGES.items() if name != _LIQUIDATION
        ),
        Feature(
            name=_LIQUIDATION, unit="s", low=0.0, inputs=("derivatives",), source="the venue",
            summary="Time since the last liquidation that was told; exchanges throttle these messages: an upper bound",
            formula="close - its event time, at least 0", null="none was told since somebody listens",
        ),
        *(
            Feature(
                name=f"{name}_gap", unit="flag", low=0.0, high=1.0, inputs=(name,),
                summary=f"1 if something of {name} was lost in the bar, as the integrity ledger tells; else 0",
                formula="last loss of the input reaches into the bar", source="quality.gaps",
                null="never",
            )
            for name in _GAPS
        ),
    ),
)  # fmt: skip
