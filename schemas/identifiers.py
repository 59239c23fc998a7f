"""Identifiers are derived, never drawn: the same log gives the same identifiers, on any machine, in any order."""

from hashlib import sha1
from typing import Final
from uuid import UUID

__all__ = ["derive"]

_NAMESPACE: Final = UUID("6f0f3ab2-3f4e-5f0a-9d55-0c4d1e5b7a11").bytes


def derive(*parts: str | int) -> str:
    """A UUIDv5 (RFC 9562, section 5.5) over ``parts``.

    Parts are joined by a byte that none of them may hold, so ``("a", "b|c")`` and ``("a|b", "c")`` differ.

    >>> derive("bar", "binance:BTC/USDT", "1m", 1723161300000000000, 0)
    'f74e3360-b7a4-5189-9123-910ee1ed4987'
    """
    name = "\x1f".join([str(part) for part in parts])
    digest = bytearray(sha1(_NAMESPACE + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
