"""The venues whose messages are understood."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final, NamedTuple

from schemas.market import InstrumentDefinition, MarketEvent
from sources.normalise import binance, binance_instruments, kraken, okx, okx_instruments
from sources.normalise.venue import Venue

__all__ = ["DIALECTS", "Dialect"]


class Dialect(NamedTuple):
    """How to understand a venue; every function may raise what `fields.UNREADABLE` lists."""

    describe: Callable[[str], InstrumentDefinition]
    message: Callable[[bytes, Venue, int], list[MarketEvent]]
    """WebSocket message, venue, ts_received (ns)."""
    response: Callable[[str, bytes, Venue, int], list[MarketEvent]]
    """URL and body of a REST answer, venue, ts_received (ns)."""
    subscribed: Callable[[str, bytes, Venue, int], None]
    """URL of a connection, what was sent on it (nothing when it was opened), venue, ts_received (ns)."""


def _binance(venue: str) -> Dialect:
    return Dialect(binance_instruments.describe(venue), binance.message, binance.response, binance.subscribed)


DIALECTS: Final = MappingProxyType(
    {
        "binance": _binance("binance"),
        "binanceusdm": _binance("binanceusdm"),
        "binancecoinm": _binance("binancecoinm"),
        "okx": Dialect(okx_instruments.describe, okx.message, okx.response, okx.subscribed),
        "kraken": Dialect(kraken.describe, kraken.message, kraken.response, kraken.subscribed),
    }
)
"""By venue, as in instrument ids."""
