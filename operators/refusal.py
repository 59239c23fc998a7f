"""Why a record that could be read is refused all the same."""

from operators.errors import Refused
from schemas.market import MarketEvent
from schemas.time import SECOND

__all__ = ["misplaced"]


def misplaced(event: MarketEvent, key: str) -> Refused:
    """The refusal of a record that is not its key's, or else from the future."""
    if event.instrument_id != key:
        return Refused(f"$.instrument_id is {event.instrument_id!r}, the message's key is {key!r}")
    ahead = (event.ts_event - event.ts_received) / SECOND
    return Refused(f"$.ts_event is from the future: {ahead:.3f} s after it was received")
