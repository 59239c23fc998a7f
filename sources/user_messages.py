"""The messages of a user's own topics: our records' JSON, with what the topic itself can tell left out."""

from typing import Any, Final

import msgspec

from schemas.codec import DecodeError
from schemas.market import (
    CONTROL,
    BookDelta,
    BookSnapshot,
    ExchangeBar,
    ExternalMetric,
    FundingRate,
    InstrumentDefinition,
    Liquidation,
    LongShortRatio,
    MacroEvent,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Quote,
    Trade,
)  # fmt: skip
from schemas.time import SECOND
from sources.normalise.venue import FUTURE_TOLERANCE

__all__ = ["KINDS", "MessageReader"]

KINDS: Final[dict[str, tuple[type[MarketEvent], ...]]] = {
    "trades": (Trade,),
    "books": (Quote, BookSnapshot, BookDelta),
    "derivatives": (FundingRate, MarkPrice, OpenInterest, LongShortRatio, Liquidation),
    "instruments": (InstrumentDefinition,),
    "bars": (ExchangeBar,),
    "metrics": (ExternalMetric, MacroEvent),
}
"""What a topic may be said to hold, and the records that have business in it."""

_fields: Final = msgspec.json.Decoder(dict[str, Any])


class MessageReader:
    """Makes records of the messages of a topic of one kind.

    ``ts_received`` may be left out: then it is the message's time stamp. So may ``type`` where the kind has only one,
    and the ``instrument_id`` of metrics, which are of none.
    """

    def __init__(self, kind: str) -> None:
        self._types = {str(record.__struct_config__.tag): record for record in KINDS[kind]}
        self._expected = f"expected {' or '.join(self._types)} in a topic of {kind}"
        self._key = CONTROL if kind == "metrics" else None
        self._only = next(iter(self._types)) if len(self._types) == 1 else None

    def read(self, value: bytes | None, ts_message: int, now: int) -> MarketEvent:
        """The record in ``value``; the time stamp of its message and the present time are in ns.

        Raises:
            DecodeError: not a record of this kind, or from the future; the text names the field.
        """
        if value is None:
            raise DecodeError("the message has no value")
        try:
            fields = _fields.decode(value)
            fields.setdefault("ts_received", ts_message)
            if self._key is not None:
                fields["instrument_id"] = self._key
            event = msgspec.convert(fields, self._type(fields))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DecodeError(str(error)) from error
        venue, _, symbol = event.instrument_id.partition(":")
        if not venue or not symbol or (event.instrument_id == CONTROL and self._key is None):
            raise DecodeError(f"$.instrument_id is {event.instrument_id!r}, expected venue:symbol in ccxt's terms")
        if event.ts_received > now + FUTURE_TOLERANCE:
            ahead = (event.ts_received - now) / SECOND
            raise DecodeError(f"$.ts_received is from the future: {ahead:.3f} s ahead of this machine's clock")
        return event

    def _type(self, fields: dict[str, Any]) -> type[MarketEvent]:
        tag = fields.setdefault("type", self._only)
        known = self._types.get(tag) if isinstance(tag, str) else None
        if known is None:
            found = "missing" if tag is None else f"{tag!r:.60}"
            raise DecodeError(f"$.type is {found}, {self._expected}")
        return known
