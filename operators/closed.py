"""What the per-instrument step tells the desk: one record a close, whether there is something to say or not."""

from msgspec import Struct

from schemas.market import Activation, ExternalMetric, InstrumentDefinition, MacroEvent, Regimes
from schemas.results import Absence, Bar, Vector

__all__ = ["DESK", "Closed", "Reading", "Standing", "Told"]

DESK = "desk"
"""The one key of the deciding step."""


class Closed(Struct, frozen=True):
    """All timeframes of an instrument that end at ``ts_close`` (ns), shortest first.

    An instrument's records come in order of ``ts_close``; one that is skipped had nothing to say.
    """

    instrument_id: str
    ts_close: int
    records: list[Vector | Absence]
    definition: InstrumentDefinition | None
    bar: Bar | None = None
    """The shortest bar that ends there, of revision 0."""


class Standing(Struct, frozen=True):
    """Whom the desk waits for at the closes up to ``ts_close`` (ns) that no earlier one told of."""

    ts_close: int
    members: tuple[str, ...]
    """Instruments, sorted."""
    ts_decided: int = 0
    """``ts_received`` of what last changed who is a member."""


class Reading(Struct, frozen=True):
    """A record from outside the market, and the time (ns) from which it counts: later than any close told of."""

    known: int
    record: ExternalMetric | MacroEvent | Activation | Regimes


Told = Closed | Standing | Reading
"""What the desk is told."""
