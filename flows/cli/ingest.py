"""`candlewick ingest`."""

import time
from contextlib import closing
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from flows.errors import FlowError
from flows.feeds import Feed, recorded_feed, simulated_feed, topics_feed
from flows.ingest import Recorder, Writer, paced
from flows.ingest import ingest as write
from flows.process import stop_flag
from flows.progress import shown
from flows.settings import kafka_client, load
from schemas.time import SECOND
from sinks.log_writer import LogWriter
from sources.simulator import Faults, Simulator, SimulatorConfig
from sources.user_messages import KINDS

__all__ = ["ingest"]


def ingest(
    more: Annotated[list[str] | None, typer.Argument(metavar="[PATH]...", help="Further files of --tape")] = None,
    *,
    tape: Annotated[list[str] | None, typer.Option(metavar="PATH", help="Recorded file: PATH or VENUE=PATH")] = None,
    venue: Annotated[str | None, typer.Option(help="Whose messages the files hold")] = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="A simulated market instead")] = False,
    topics: Annotated[
        str | None, typer.Option(metavar="KIND=TOPIC,...", help=f"Topics of your own, by kind: {', '.join(KINDS)}")
    ] = None,
    until_end: Annotated[bool, typer.Option("--until-end", help="End at what is now the end of --topics")] = False,
    seed: Annotated[int, typer.Option(help="Of the simulation")] = 7,
    seconds: Annotated[float | None, typer.Option(help="Length of the simulation; default: without end")] = None,
    start: Annotated[int | None, typer.Option(help="Begin of the simulation, ns since 1970; default: now")] = None,
    history_days: Annotated[float, typer.Option(help="One-minute bars before the simulation begins")] = 0.0,
    faults: Annotated[str, typer.Option(help='JSON, such as {"gap": {"per_hour": 2}}')] = "{}",
    speed: Annotated[float | None, typer.Option(min=0.001, help="Times recorded; default: as fast as it goes")] = None,
    live: Annotated[bool, typer.Option("--live", help="Catch up at --speed, then go on with the clock")] = False,
    source: Annotated[str | None, typer.Option(help="Name of this ingester in its heartbeats")] = None,
    to: Annotated[Path | None, typer.Option(help="A recording (.jsonl, .jsonl.gz) in place of the log")] = None,
) -> None:
    """Write a tape, a simulation or your own topics to the log, with heartbeats, every delivery checked."""
    stop = stop_flag()
    files = [*(tape or []), *(more or [])]
    if (bool(files), simulate, topics is not None).count(True) != 1:
        raise FlowError("ingest needs one of --tape PATH... --venue V, --simulate, --topics KIND=TOPIC,...")
    if until_end and topics is None:
        raise FlowError("--until-end belongs to --topics; a tape ends by itself, a simulation after --seconds")
    for option, number in (("--seconds", seconds), ("--speed", speed), ("--history-days", history_days)):
        if number is not None and not 0 <= number < 1e9:  # neither is NaN
            raise FlowError(f"{option} {number}: it has to be a number from 0 to 1e9")
    feed: Feed
    since = 0
    if simulate:
        config = SimulatorConfig(
            seed=seed,
            start=start or time.time_ns() // SECOND * SECOND,
            duration=None if seconds is None else round(seconds * SECOND),
            faults=_faults(faults),
        )
        since = config.start
        feed = simulated_feed(
            Simulator(config), history_days=history_days, source=source or "simulator", stop=stop.is_set
        )
    elif topics is not None:
        feed = topics_feed(
            kafka_client(load()), topics, source=source or "topics", stop=stop.is_set, until_end=until_end,
            resume=to is None,
        )  # fmt: skip
    else:
        feed = recorded_feed(files, venue, source=source or "tape", stop=stop.is_set)
    writer: Writer = Recorder(to) if to is not None else LogWriter(kafka_client(load()), stop=stop.is_set)
    with closing(feed), writer, shown(feed) as items:
        if speed is None and not live:
            counts = write(items, writer, feed.commit)
        else:
            pace = speed or float("inf")
            timed = paced(items, pace, flush=writer.flush, stop=stop.is_set, since=since, live=live)
            counts = write(timed, writer, feed.commit)
    for kind, count in sorted(counts.items()):
        typer.echo(f"{kind}: {count}")


def _faults(text: str) -> Faults:
    try:
        return msgspec.json.decode(text, type=Faults)
    except msgspec.DecodeError as error:
        raise FlowError(f"--faults {text}: {error}") from error
