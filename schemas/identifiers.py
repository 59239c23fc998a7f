"""Identifiers are derived, never drawn: the same log gives the same identifiers, on any machine, in any order."""

from hashlib import sha1
from typing import Final
from uuid import UUID

__all__ = ["derive"]

_NAMESPACE: Final = UUID("6f0f3ab2-3f4e-5f0a-9d55-0c4d1e5b7a11").bytes

_VARIANT: Final = dict(zip("0123456789abcdef", 4 * "89ab", strict=True))
"""What becomes of the digit whose first two bits the RFC sets."""


def derive(*parts: str | int) -> str:
    """A UUIDv5 (RFC 9562, section 5.5) over ``parts``.

    Parts are joined by a byte that none of them may hold, so ``("a", "b|c")`` and ``("a|b", "c")`` differ.

    >>> derive("bar", "binance:BTC/USDT", "1m", 1723161300000000000, 0)
    'f74e3360-b7a4-5189-9123-910ee1ed4987'
    """
    name = "\x1f".join([str(part) for part in parts])
    text = sha1(_NAMESPACE + name.encode(), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"
