"""Tapes as the log would hold them."""

from collections.abc import Iterator, Sequence

from schemas.market import MarketEvent
from sources.malformed import Malformed
from sources.merge import Heard
from sources.sequencer import sequence
from sources.tapes.errors import TapeError
from sources.tapes.tape import Tape

__all__ = ["ordered"]


def ordered(tapes: Sequence[Tape], *, source: str) -> Iterator[MarketEvent | Malformed]:
    """The records of ``tapes`` in the order of the log, with heartbeats, membership and ends.

    Candlewick's own recording has these already and is handed on as it is.

    Raises:
        TapeError: a recording among several tapes; at once, before anything is read.
    """
    if any(tape.recorded for tape in tapes):
        if len(tapes) > 1:
            raise TapeError("a recording of Candlewick's own is a log already: it cannot be merged with other tapes")
        return (item for item in tapes[0] if not isinstance(item, Heard))
    return sequence(*tapes, source=source)
