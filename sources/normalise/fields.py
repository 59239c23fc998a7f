"""Single fields of a venue's message, held to the constraints that the records themselves state."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypedDict

import msgspec
from msgspec import Meta

from schemas.market import LevelSize, Price, Size
from schemas.time import HOUR, MILLISECOND, Nanoseconds
from sources.normalise.venue import NormaliseError

__all__ = [
    "EIGHT_HOURS",
    "UNREADABLE",
    "Millis",
    "Sides",
    "expiry_of",
    "fraction",
    "level_size",
    "price",
    "seconds",
    "sides",
    "size",
    "step",
]

Millis = Annotated[int, Meta(ge=1_230_768_000_000, le=4_102_444_800_000, description="milliseconds since 1970, UTC")]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1, description="a venue's number of an update or trade")]
Name = Annotated[str, Meta(max_length=64, description="a venue's name of a trade")]
_Checksum = Annotated[int, Meta(ge=0, lt=2**32)]
_Fraction = Annotated[float, Meta(gt=-1, lt=1)]


class Sides(TypedDict):
    """The levels of a book as records have them."""

    bid_prices: list[float]
    bid_sizes: list[float]
    ask_prices: list[float]
    ask_sizes: list[float]


EIGHT_HOURS: Final = 8 * HOUR
"""The usual time between two funding settlements."""

UNREADABLE: Final = (
    NormaliseError, msgspec.MsgspecError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
    RecursionError,
)  # fmt: skip
"""What the functions of this package raise on a message that is not as its venue documents."""


def price(text: Any) -> float:
    """A price above 0, from the venue's text or number."""
    return msgspec.convert(text, Price, strict=False)


def size(text: Any) -> float:
    """A traded size above 0, from the venue's text or number."""
    return msgspec.convert(text, Size, strict=False)


def level_size(text: Any) -> float:
    """A level's size, 0 where it is removed, from the venue's text or number."""
    return msgspec.convert(text, LevelSize, strict=False)


def sides(bids: Iterable[Sequence[Any]], asks: Iterable[Sequence[Any]]) -> Sides:
    """Levels that are price, size, and whatever else."""
    return {
        "bid_prices": [level[0] for level in bids],
        "bid_sizes": [level[1] for level in bids],
        "ask_prices": [level[0] for level in asks],
        "ask_sizes": [level[1] for level in asks],
    }


def fraction(text: Any) -> float:
    """A rate between -1 and 1, from the venue's text or number."""
    return msgspec.convert(text, _Fraction, strict=False)


def step(text: Any) -> float | None:
    """A tick or lot size; ``None`` where the venue gives none, or 0."""
    return float(text or 0) or None


def checksum(text: Any) -> int:
    """An unsigned CRC-32, from the venue's text or number."""
    return msgspec.convert(text, _Checksum, strict=False)


def millis(number: Any) -> int:
    """Milliseconds since 1970 as nanoseconds, from the venue's text or number."""
    return msgspec.convert(number, Millis, strict=False) * MILLISECOND


def seconds(text: str) -> int:
    """Decimal seconds since 1970 as nanoseconds, exactly.

    >>> seconds("1618678142.557535")
    1618678142557535000
    """
    whole, _, fraction = text.partition(".")
    if not (whole.isdecimal() and len(fraction) <= 9 and (whole + fraction).isdecimal()):
        raise NormaliseError(f"{text[:40]!r} is not a time in decimal seconds")
    return msgspec.convert(int(whole + fraction.ljust(9, "0")), Nanoseconds)


def expiry_of(day: str) -> int:
    """When a contract named after its day (YYMMDD) ends, ns: at 08:00 UTC, at Binance and OKX alike.

    >>> expiry_of("210924") // MILLISECOND
    1632470400000
    """
    if not (day.isdecimal() and len(day) == 6):
        raise NormaliseError(f"{day!r} is not a day as YYMMDD")
    end = datetime(2000 + int(day[:2]), int(day[2:4]), int(day[4:]), 8, tzinfo=UTC)
    return int(end.timestamp()) * 1000 * MILLISECOND
