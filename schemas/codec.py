"""JSON on the wire: one encoder, and a decoder a topic that names the field of whatever it refuses."""

from collections.abc import Callable
from typing import Final

import msgspec

from schemas.errors import CandlewickError
from schemas.market import MarketEvent

__all__ = ["UNREADABLE", "DecodeError", "decode_event", "encode", "parse_event"]


class DecodeError(CandlewickError):
    """Bytes that are not a record of their topic; the text names the field: ``$.price: Expected `float` >= 1e-18``."""


_encoder: Final = msgspec.json.Encoder()
_events: Final = msgspec.json.Decoder[MarketEvent](MarketEvent)

encode: Final = _encoder.encode
"""A record's bytes. Equal records give equal bytes: field order is the class's, floats are shortest round-trip."""

parse_event: Final[Callable[[bytes], MarketEvent]] = _events.decode
"""`decode_event` without the one error: for loops over very many, which catch `UNREADABLE`."""
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode_event(value: bytes) -> MarketEvent:
    """The record of ``market.events`` in ``value``.

    Raises:
        DecodeError: not JSON, not UTF-8, an unknown type, a missing field, or a value outside its range.
    """
    try:
        return parse_event(value)
    except UNREADABLE as error:
        raise DecodeError(str(error)) from error
