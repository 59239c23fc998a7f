"""Time as the whole project counts it: integer nanoseconds UTC, and the timeframes that bars are built on."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final, Literal, get_args

from msgspec import Meta

__all__ = [
    "DAY", "HOUR",
    "MICROSECOND", "MILLISECOND", "MINUTE", "SECOND", "TIMEFRAMES", "TIMEFRAME_NS", "Nanoseconds", "Timeframe",
    "due_timeframes", "floor_to", "from_text", "to_text",
]  # fmt: skip

MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000 * MICROSECOND
SECOND: Final = 1_000 * MILLISECOND
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

# A time stamp before 2009 (Bitcoin's first block) or after 2100 is a unit mistaken for another: refused at the edge.
Nanoseconds = Annotated[
    int, Meta(ge=1_230_768_000 * SECOND, le=4_102_444_800 * SECOND, description="nanoseconds since 1970, UTC")
]

Timeframe = Literal["1m", "5m", "15m", "1h", "4h", "1d"]
TIMEFRAMES: Final[tuple[Timeframe, ...]] = get_args(Timeframe)
TIMEFRAME_NS: Final[dict[Timeframe, int]] = {
    "1m": MINUTE, "5m": 5 * MINUTE, "15m": 15 * MINUTE, "1h": HOUR, "4h": 4 * HOUR, "1d": DAY,
}  # fmt: skip


def floor_to(ts: int, step: int) -> int:
    """The greatest multiple of ``step`` that is not above ``ts`` (both ns)."""
    return ts - ts % step


@lru_cache(maxsize=2_000)
def due_timeframes(ts_close: int) -> tuple[Timeframe, ...]:
    """The timeframes that have a bar ending at ``ts_close`` (ns), shortest first."""
    return tuple(name for name, length in TIMEFRAME_NS.items() if ts_close % length == 0)


def to_text(ts: int) -> str:
    """``ts`` (ns) in ISO 8601 with as many decimals as it needs, for people to read."""
    whole, rest = divmod(ts, SECOND)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{rest:09d}".rstrip("0") if rest else "") + "Z"


def from_text(text: str) -> int:
    """The moment (ns) that ``text`` tells in ISO 8601, with up to nine decimals of a second; without a zone it is UTC.

    >>> from_text("2024-08-09T03:00:00.123456789+02:00") == from_text("2024-08-09T01:00:00.123456789")
    True

    Raises:
        ValueError: it is no time.
    """
    fraction = re.search(r"(?<=:\d\d:\d\d)\.(\d{1,9})(?!\d)", text)
    whole = datetime.fromisoformat(text[: fraction.start()] + text[fraction.end() :] if fraction else text)
    span = (whole if whole.tzinfo else whole.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    decimals = int(fraction[1].ljust(9, "0")) if fraction else span.microseconds * MICROSECOND
    return (span.days * 86_400 + span.seconds) * SECOND + decimals
