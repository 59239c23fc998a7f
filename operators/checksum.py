"""The venues' own checksums of a book, computed from ours."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final
from zlib import crc32

from operators.ladder import Ladder

__all__ = ["CHECKSUMS", "Checksum", "Decimals", "decimals_of", "kraken", "okx"]

Decimals = tuple[int | None, int | None]
"""Digits after the point of a price and of a size, where the venue's text has a fixed number of them."""
Checksum = Callable[[Ladder, Ladder, Decimals], int | None]


def decimals_of(step: float | None) -> int | None:
    """Digits after the point that multiples of ``step`` need.

    >>> decimals_of(0.001), decimals_of(1e-08), decimals_of(0.5), decimals_of(10.0), decimals_of(None)
    (3, 8, 1, 0, None)
    """
    if step is None:
        return None
    exponent = Decimal(repr(step)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else None


def okx(bids: Ladder, asks: Ladder, _decimals: Decimals) -> int:
    """OKX: the 25 best levels, ``bid:size:ask:size`` in turn, joined by colons, in the venue's shortest decimals.

    Source: OKX API v5, WebSocket order book channel, "Checksum".
    """
    parts: list[str] = []
    best_bids, best_asks = bids.best(25), asks.best(25)
    for i in range(max(len(best_bids), len(best_asks))):
        if i < len(best_bids):
            parts += [_plain(best_bids[i]), _plain(bids.levels[best_bids[i]])]
        if i < len(best_asks):
            parts += [_plain(best_asks[i]), _plain(asks.levels[best_asks[i]])]
    return crc32(":".join(parts).encode())


def kraken(bids: Ladder, asks: Ladder, decimals: Decimals) -> int | None:
    """Kraken: the 10 best asks, then bids, each price and size without point and leading zeros.

    Needs the digits that the venue prints; ``None`` without them.
    Source: Kraken WebSocket v1, "Book checksum".
    """
    price_digits, size_digits = decimals
    if price_digits is None or size_digits is None:
        return None
    text = "".join(
        f"{price:.{price_digits}f}".replace(".", "").lstrip("0")
        + f"{side.levels[price]:.{size_digits}f}".replace(".", "").lstrip("0")
        for side in (asks, bids)
        for price in side.best(10)
    )
    return crc32(text.encode())


def _plain(number: float) -> str:
    text = repr(number)
    if "e" in text:
        text = format(Decimal(text), "f")
    return text.removesuffix(".0")


CHECKSUMS: Final[dict[str, Checksum]] = {"okx": okx, "kraken": kraken}
"""By venue."""
