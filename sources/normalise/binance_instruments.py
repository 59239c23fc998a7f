"""Binance's instruments: from its own lists, or plainly from venue and symbol."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from schemas.market import InstrumentDefinition
from schemas.time import MILLISECOND
from sources.normalise.fields import EIGHT_HOURS, expiry_of, step
from sources.normalise.venue import NormaliseError

__all__ = ["definitions", "describe"]

_QUOTES: Final = {
    "binance": (
        "FDUSD", "EURI", "BIDR", "IDRT", "BKRW", "BVND", "GYEN", "USD1", "USDT", "USDC", "BUSD", "TUSD", "USDP", "USDS",
        "USTC", "DOGE", "BTC", "ETH", "BNB", "TRX", "XRP", "SOL", "DOT", "DAI", "PAX", "UST", "VAI", "EUR", "GBP",
        "TRY", "BRL", "RUB", "UAH", "NGN", "ZAR", "AUD", "JPY", "MXN", "PLN", "RON", "ARS", "COP", "CZK", "KZT",
    ),
    "binanceusdm": ("USDT", "USDC", "BUSD", "BTC", "ETH", "USD1"),
    "binancecoinm": ("USD",),
}  # fmt: skip
"""What a symbol without its ``_PERP`` or day ends in, longest first where one ends in another."""

_STATUS: Final = {"TRADING": "trading", "DELIVERED": "delisted", "CLOSE": "delisted"}


def describe(venue: str) -> Callable[[str], InstrumentDefinition]:
    """The plain definition of a symbol at one of Binance's three venues, without tick and lot.

    A coin-M contract is worth 100 USD for BTC and 10 USD for all others ("COIN-M Futures Contract Specifications").
    """

    def of(symbol: str) -> InstrumentDefinition:
        pair, _, term = symbol.partition("_")
        base, quote = _split(pair, _QUOTES[venue])
        settle = {"binance": None, "binanceusdm": quote, "binancecoinm": base}[venue]
        return _definition(venue, base, quote, settle, term)

    return of


def definitions(venue: str, body: bytes) -> Iterator[tuple[str, InstrumentDefinition]]:
    """Symbol and definition of everything in an ``exchangeInfo`` answer."""
    for entry in msgspec.json.decode(body)["symbols"]:
        symbol = entry["symbol"]
        term = symbol.partition("_")[2]
        plain = _definition(venue, entry["baseAsset"], entry["quoteAsset"], entry.get("marginAsset"), term)
        filters = {rule["filterType"]: rule for rule in entry["filters"]}
        full = msgspec.structs.replace(
            plain,
            tick_size=step(filters.get("PRICE_FILTER", {}).get("tickSize")),
            lot_size=step(filters.get("LOT_SIZE", {}).get("stepSize")),
            contract_multiplier=float(entry.get("contractSize", 1)),
            expiry=plain.expiry and entry["deliveryDate"] * MILLISECOND,
            status=_STATUS.get(entry.get("status") or entry.get("contractStatus", ""), "halted"),
        )
        yield symbol, full


def _definition(venue: str, base: str, quote: str, settle: str | None, term: str) -> InstrumentDefinition:
    """``term`` is what comes after the symbol's underscore: the day of delivery as YYMMDD, ``PERP``, or nothing."""
    term = term.removeprefix("PERP")
    name = f"{base}/{quote}" + (f":{settle}" if settle else "") + (f"-{term}" if term else "")
    common: dict[str, Any] = {
        "instrument_id": f"{venue}:{name}", "ts_event": 0, "ts_received": 0, "base": base, "quote": quote,
        "settle": settle,
    }  # fmt: skip
    if settle is None:
        return InstrumentDefinition(kind="spot", **common)
    if settle == base:
        common |= {"inverse": True, "contract_multiplier": 100.0 if base == "BTC" else 10.0}
    if term:
        return InstrumentDefinition(kind="future", expiry=expiry_of(term), **common)
    return InstrumentDefinition(kind="perpetual", funding_interval=EIGHT_HOURS, **common)


def _split(pair: str, quotes: tuple[str, ...]) -> tuple[str, str]:
    for quote in quotes:
        if pair.endswith(quote) and len(pair) > len(quote):
            return pair[: -len(quote)], quote
    raise NormaliseError(f"symbol {pair!r} does not end in a quote currency known here")
