"""`candlewick backfill`."""

from typing import Annotated

import typer

from flows.backfill import history_feed
from flows.cli.ingest import METRICS
from flows.ingest import ingest as write
from flows.login import log_in
from flows.moments import span
from flows.process import stop_flag
from flows.progress import shown
from flows.settings import kafka_client, load
from schemas.time import Timeframe
from sinks.log_writer import LogWriter
from sources.history import EVER

__all__ = ["backfill"]


def backfill(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Tables: PATH or INSTRUMENT=PATH")],
    *,
    instrument: Annotated[str | None, typer.Option(help="Of tables that name none themselves")] = None,
    timeframe: Annotated[Timeframe | None, typer.Option(help="Of the bars in tables")] = None,
    since: Annotated[str | None, typer.Option(help="Only what was known after then, ISO 8601 UTC")] = None,
    until: Annotated[str | None, typer.Option(help="Only what was known by then: where live data begins")] = None,
    metrics: Annotated[list[str] | None, typer.Option(metavar="PATH", help=METRICS)] = None,
) -> None:
    """Write history (bars, funding, open interest, ratios, liquidations) into the log, for features that start warm."""
    settings, stop = load(), stop_flag()
    asked = span(since, until, EVER)
    log_in(settings)
    feed = history_feed(
        settings, inputs, instrument=instrument, timeframe=timeframe, metrics=metrics or [], span=asked,
        stop=stop.is_set,
    )  # fmt: skip
    with LogWriter(kafka_client(settings), stop=stop.is_set) as writer, shown(feed) as items:
        counts = write(items, writer)
    for kind, count in sorted(counts.items()):
        typer.echo(f"{kind}: {count}")
