"""The venues' own checksums of a book, computed from ours."""

from collections.abc import Callable
from decimal import Decimal
from itertools import zip_longest
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
    for level in zip_longest(zip(*bids.top(25), strict=True), zip(*asks.top(25), strict=True)):
        for side in level:
            if side is not None:
                parts += map(_plain, side)
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
        + f"{size:.{size_digits}f}".replace(".", "").lstrip("0")
        for side in (asks, bids)
        for price, size in zip(*side.top(10), strict=True)
    )
    return crc32(text.encode())


def _plain(number: float) -> str:
    text = repr(number)
    if "e" in text:
        text = format(Decimal(text), "f")
    return text.removesuffix(".0")


CHECKSUMS: Final[dict[str, Checksum]] = {"okx": okx, "kraken": kraken}
"""By venue."""
