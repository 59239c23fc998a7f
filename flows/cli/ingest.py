"""`candlewick ingest`."""

import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from flows.clock import ended_if_set_back
from flows.errors import FlowError
from flows.feeds import Feed, recorded_feed, simulated_feed, topics_feed
from flows.ingest import Recorder, Writer, paced
from flows.ingest import ingest as write
from flows.login import log_in
from flows.process import stop_flag
from flows.progress import shown
from flows.settings import kafka_client, load
from schemas.time import SECOND
from schemas.vitals import WATCHDOG
from sinks.log_writer import LogWriter
from sources.history import SUFFIXES
from sources.simulator import Faults, Simulator, SimulatorConfig
from sources.user_messages import KINDS

__all__ = ["METRICS", "TREND", "ingest", "refuse"]

METRICS: Final = "External metrics or macro calendar (CSV, JSON lines): PATH, METRIC=PATH or METRIC:ASSET=PATH"
TREND: Final = "Of the simulation: deviation of a drift that stays a while, in that of a minute's return; 0: none"


def ingest(
    more: Annotated[list[str] | None, typer.Argument(metavar="[PATH]...", help="Further files of --tape")] = None,
    *,
    tape: Annotated[list[str] | None, typer.Option(metavar="PATH", help="Recorded file: PATH or VENUE=PATH")] = None,
    venue: Annotated[str | None, typer.Option(help="Whose messages the files hold")] = None,
    metrics: Annotated[list[str] | None, typer.Option(metavar="PATH", help=METRICS)] = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="A simulated market instead")] = False,
    topics: Annotated[
        str | None, typer.Option(metavar="KIND=TOPIC,...", help=f"Topics of your own, by kind: {', '.join(KINDS)}")
    ] = None,
    until_end: Annotated[bool, typer.Option("--until-end", help="End at what is now the end of --topics")] = False,
    seed: Annotated[int | None, typer.Option(help="Of the simulation; default: 7")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of the simulation; default: without end")] = None,
    start: Annotated[int | None, typer.Option(help="Begin of the simulation, ns since 1970; default: now")] = None,
    history_days: Annotated[
        float | None, typer.Option(help="One-minute bars before the simulation begins; default: none")
    ] = None,
    faults: Annotated[
        str | None, typer.Option(help='Of the simulation: JSON, such as {"gap": {"per_hour": 2}}')
    ] = None,
    trend: Annotated[float | None, typer.Option(help=TREND)] = None,
    speed: Annotated[float | None, typer.Option(min=0.001, help="Times recorded; default: as fast as it goes")] = None,
    live: Annotated[bool, typer.Option("--live", help="Catch up at --speed, then go on with the clock")] = False,
    source: Annotated[str | None, typer.Option(help="Name of this ingester in its heartbeats")] = None,
    to: Annotated[Path | None, typer.Option(help="A recording (.jsonl, .jsonl.gz) in place of the log")] = None,
) -> None:
    """Write a tape, metrics, a simulation or your own topics to the log, with heartbeats, every delivery checked."""
    files = [*(tape or []), *(more or [])]
    if (bool(files or metrics), simulate, topics is not None).count(True) != 1:
        raise FlowError(
            "ingest needs one of --tape PATH... --venue V, --metrics PATH, --simulate, --topics KIND=TOPIC,..."
        )
    refuse("--topics", given=topics is not None, options={"--until-end": until_end or None})
    refuse("--tape", given=bool(files), options={"--venue": venue})
    _no_tables(files)
    simulation = {
        "--seed": seed, "--seconds": seconds, "--start": start, "--history-days": history_days, "--faults": faults,
        "--trend": trend,
    }  # fmt: skip
    refuse("--simulate", given=simulate, options=simulation)
    for option, number in (("--seconds", seconds), ("--speed", speed), ("--history-days", history_days)):
        if number is not None and not 0 <= number < 1e9:  # neither is NaN
            raise FlowError(f"{option} {number}: it has to be a number from 0 to 1e9")
    config = SimulatorConfig(
        seed=7 if seed is None else seed,
        start=time.time_ns() // SECOND * SECOND if start is None else start,
        duration=None if seconds is None else round(seconds * SECOND),
        faults=_faults(faults or "{}"),
        trend=trend or 0.0,
    ).checked()
    if source == WATCHDOG:
        raise FlowError(f"--source {source}: that is who speaks for the silent; take another name")
    settings, stop = load(), stop_flag()
    if to is None or topics is not None:
        log_in(settings)
    feed: Feed
    if simulate:
        feed = simulated_feed(
            Simulator(config), history_days=history_days or 0.0, source=source or "simulator", stop=stop.is_set
        )
    elif topics is not None:
        feed = topics_feed(
            kafka_client(settings), topics, source=source or "topics", stop=stop.is_set, until_end=until_end,
            resume=to is None,
        )  # fmt: skip
    else:
        feed = recorded_feed(files, venue, metrics=metrics or [], source=source or "tape", stop=stop.is_set)
    writer: Writer = Recorder(to) if to is not None else LogWriter(kafka_client(settings), stop=stop.is_set)
    with closing(feed), ended_if_set_back(), writer, shown(feed) as items:
        if speed is None and not live:
            counts = write(items, writer, feed.commit)
        else:
            pace = speed or float("inf")
            since = config.start if simulate else 0
            timed = paced(items, pace, flush=writer.flush, stop=stop.is_set, since=since, live=live)
            counts = write(timed, writer, feed.commit)
    for kind, count in sorted(counts.items()):
        typer.echo(f"{kind}: {count}")


def refuse(source: str, *, given: bool, options: Mapping[str, object]) -> None:
    """Raise `FlowError` for options that belong to ``source``, where another one was ``given``."""
    alone = [name for name, value in options.items() if value is not None]
    if alone and not given:
        raise FlowError(f"{', '.join(alone)}: only together with {source}")


def _no_tables(files: Iterable[str]) -> None:
    for path in files:
        if path.endswith(SUFFIXES):
            raise FlowError(f"{path} is a table: `candlewick backfill` writes those")


def _faults(text: str) -> Faults:
    try:
        return msgspec.json.decode(text, type=Faults)
    except msgspec.DecodeError as error:
        raise FlowError(f"--faults {text}: {error}") from error
