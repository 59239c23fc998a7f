"""`candlewick replay`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.ingest import METRICS, TREND, refuse
from flows.errors import FlowError
from flows.feeds import recorded_feed, simulated_past
from flows.process import keep_memory, spare_collector
from flows.replay import replay as run
from flows.replay import workers_for
from flows.settings import load
from schemas.time import Timeframe

__all__ = ["replay"]


class Format(StrEnum):
    """Of the files written."""

    JSONL = "jsonl"
    PARQUET = "parquet"


def replay(
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="[INPUT]...", help="Files: PATH, VENUE=PATH or INSTRUMENT=PATH")
    ] = None,
    *,
    out: Annotated[Path, typer.Option("--out", help="Directory for one file a topic")],
    venue: Annotated[str | None, typer.Option(help="Whose messages the tape holds; not for own recordings")] = None,
    instrument: Annotated[str | None, typer.Option(help="Of tables (CSV, Parquet) that name none themselves")] = None,
    timeframe: Annotated[Timeframe | None, typer.Option(help="Of the bars in tables")] = None,
    metrics: Annotated[list[str] | None, typer.Option(metavar="PATH", help=METRICS)] = None,
    activations: Annotated[
        list[Path] | None, typer.Option(metavar="PATH", help="Activations of models, as `models activate --to` writes")
    ] = None,
    simulate: Annotated[
        float | None, typer.Option(metavar="DAYS", min=0.01, max=400, help="1m bars of a simulated market instead")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the simulation")] = 7,
    end: Annotated[int | None, typer.Option(help="Of the simulation's bars, ns since 1970")] = None,
    trend: Annotated[float | None, typer.Option(help=TREND)] = None,
    fmt: Annotated[Format, typer.Option("--format")] = Format.JSONL,
    workers: Annotated[
        int | None,
        typer.Option(min=0, max=64, help="Processes that take the instruments; by size and processors if not given"),
    ] = None,
) -> None:
    """Run recorded input through the engine, without Kafka and database, as fast as it goes."""
    spare_collector()
    keep_memory()
    if bool(inputs) == (simulate is not None):
        raise FlowError("replay needs either INPUT... or --simulate DAYS")
    of_files = {
        "--venue": venue, "--instrument": instrument, "--timeframe": timeframe, "--metrics": metrics,
        "--activations": activations,
    }  # fmt: skip
    refuse("INPUT", given=bool(inputs), options=of_files)
    refuse("--simulate", given=simulate is not None, options={"--end": end, "--trend": trend})
    feed = (
        simulated_past(simulate, seed, end=end, trend=trend or 0.0)
        if simulate is not None
        else recorded_feed(
            inputs or [],
            venue,
            instrument=instrument,
            timeframe=timeframe,
            metrics=metrics or [],
            activations=activations or [],
        )
    )
    replayed = run(load(), feed, out, fmt.value, workers_for(feed) if workers is None else workers)
    if not replayed.records:
        typer.echo(f"nothing was written to {out}: there is no record in the input", err=True)
    for topic, count in sorted(replayed.records.items()):
        typer.echo(f"{topic}: {count}")
