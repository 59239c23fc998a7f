"""Backfill: history from files written into the log before what is live, so that features are warm when it begins."""

from collections.abc import Callable, Sequence

from flows.errors import FlowError
from flows.feeds import Feed, recorded_feed, tables_of
from flows.settings import Settings, kafka_client
from schemas.time import Timeframe, to_text
from schemas.topics import LOG
from sources.history import EVER, SUFFIXES, History
from sources.malformed import Malformed
from sources.passed import later

__all__ = ["history_feed"]


def history_feed(
    settings: Settings, inputs: Sequence[str], *, instrument: str | None, timeframe: Timeframe | None,
    metrics: Sequence[str] = (), span: tuple[int, int] = EVER, stop: Callable[[], bool] = lambda: False,
) -> Feed:  # fmt: skip
    """The tables of ``inputs`` in step, once it is clear that the log has come to none of them.

    Raises:
        FlowError: an input that is no table, tables with nothing in ``span`` (ns), or an instrument of which the log
            has a record that is as late already.
        CandlewickError: a file that cannot be used, or a broker that does not answer.
    """
    tables = tables_of(inputs, instrument, timeframe, span)
    if not tables or len(tables) < len(inputs):
        raise FlowError(f"backfill takes tables ({', '.join(SUFFIXES)}) only; `candlewick ingest --tape` takes others")
    begins = _begins(tables)
    for name, found in later(kafka_client(settings), LOG, begins).items():
        raise FlowError(
            f"{name}: this history begins {to_text(begins[name])}, and {found.place} is a {found.kind} of "
            f"{to_text(found.ts_event)}: behind that it would be too late (see --since and --until)"
        )
    return recorded_feed(
        inputs, None, instrument=instrument, timeframe=timeframe, metrics=metrics, span=span, source="backfill",
        stop=stop,
    )  # fmt: skip


def _begins(tables: Sequence[History]) -> dict[str, int]:
    """When the first record of each instrument is known, ns."""
    begins: dict[str, int] = {}
    for table in tables:
        first = next((item.ts_event for item in table if not isinstance(item, Malformed)), None)
        if first is not None:
            begins[table.instrument_id] = min(first, begins.get(table.instrument_id, first))
    if not begins:
        raise FlowError(f"there is nothing to write in {', '.join(str(table.path) for table in tables)}")
    return begins
