"""What a source could not read: it travels with the records, so that nothing vanishes between a feed and the log."""

from msgspec import Struct

__all__ = ["Malformed"]


class Malformed(Struct, frozen=True, kw_only=True):
    """Bytes that are no record of their feed."""

    place: str
    """Where they were found, as a person would look them up: file and line, or feed and time."""
    raw: bytes
    """The bytes as they came, whole."""
    reason: str
    """What is wrong with them."""
    ts_received: int
    """ns."""
