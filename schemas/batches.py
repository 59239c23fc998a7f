"""What travels from the log into the dataflow: raw bytes, an instrument's messages of one read together."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct, msgpack

__all__ = ["Batch", "Rejected", "RejectedMessage"]


class Batch(Struct, frozen=True, array_like=True, gc=False):
    """Messages of one key in the order of their partition, still undecoded."""

    key: str
    partition: int
    messages: list[tuple[int, int, bytes]]
    """Offset, the broker's time stamp in ms, value."""

    def __reduce__(self) -> "tuple[Callable[[bytes], Batch], tuple[bytes]]":
        """From worker to worker as one piece: pickle by itself would go through every message."""
        return _unpack, (msgpack.encode(self),)


_DECODER: Final = msgpack.Decoder(Batch)


def _unpack(packed: bytes) -> Batch:
    return _DECODER.decode(packed)


RejectedMessage = tuple[int, int, bytes | None, bytes | None, str]
"""Offset, time stamp in ms, key, value, reason."""


class Rejected(Struct, frozen=True, array_like=True, gc=False):
    """Messages that cannot be given to any instrument: no key, or a key in the wrong partition."""

    key: str
    """Where they are routed to in the dataflow: ``dead:`` and the partition."""
    topic: str
    partition: int
    messages: list[RejectedMessage]
