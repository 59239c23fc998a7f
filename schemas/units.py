"""The unit of every number in a record, by the name of its field: a name means the same wherever it stands."""

from typing import Final

__all__ = ["UNITS", "unit"]

_TIME: Final = "nanoseconds since 1970, UTC"
_PRICE: Final = "quote currency"
_SIZE: Final = "base currency, or contracts"
_FRACTION: Final = "fraction of the notional at entry"

UNITS: Final = {
    **dict.fromkeys(("expiry", "effective_close", "next_funding"), _TIME),
    **dict.fromkeys(("horizon", "interval", "funding_interval"), "nanoseconds"),
    **dict.fromkeys(
        (
            "price", "index_price", "open", "high", "low", "close", "bid", "ask", "bid_price", "ask_price",
            "bid_first", "bid_low", "bid_high", "bid_last", "ask_first", "ask_low", "ask_high", "ask_last",
            "bid_prices", "ask_prices", "entry_low", "entry_high", "stop", "targets", "tick_size", "notional",
            "lowest",
        ),
        _PRICE,
    ),
    **dict.fromkeys(
        (
            "size", "bid_size", "ask_size", "bid_sizes", "ask_sizes", "lot_size", "volume", "buy_volume", "sell_volume",
            "open_interest",
        ),
        _SIZE,
    ),
    **dict.fromkeys(("gross_return", "fees", "slippage", "funding", "net_return"), _FRACTION),
    **dict.fromkeys(("confidence", "probability"), "ratio, 0 to 1"),
    **dict.fromkeys(("rate", "funding_rate"), "fraction of the mark notional, for one interval"),
    **dict.fromkeys(("accounts", "top_accounts", "top_positions", "taker_volume"), "longs over shorts"),
    **dict.fromkeys(("sequence", "first_sequence", "last_sequence", "previous_sequence"), "the venue's own count"),
    **dict.fromkeys(("expected", "received"), "the venue's own count, or checksum"),
    **dict.fromkeys(("logit", "base"), "logarithm of the odds"),
    **dict.fromkeys(("means", "variances"), "standard deviations of return, logarithm of volatility"),
    **dict.fromkeys(("transition", "initial"), "ratio, 0 to 1"),
    "checksum": "32 bits",
    "contract_multiplier": "currency a contract",
    "contribution": "share of the score, or of the logit",
    "count": "how many",
    "depth": "levels a side",
    "features": "each its own, as the feature catalogue says",
    "imbalance": "ratio, -1 to 1",
    "offset": "messages from the partition's start",
    "partition": "index",
    "revision": "count from 0",
    "risk_reward": "ratio",
    "shares": "ratio to the open interest, a bin each",
    "taker_fee": "fraction of the notional",
    "threshold": "that of its measure",
    "trades": "how many",
    "value": "that of its feature, measure or source",
    "weight": "share of the whole",
    "width": "difference of natural logarithms",
}  # fmt: skip


def unit(field: str) -> str | None:
    """The unit of the numbers in ``field``; ``None`` where nothing is known of it."""
    return UNITS.get(field) or (_TIME if field.startswith("ts_") else None)
