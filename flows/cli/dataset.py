"""`candlewick dataset`."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from flows.cli.ingest import refuse
from flows.errors import FlowError
from flows.settings import load
from schemas.time import to_text
from sinks.export import ALL_TIME

__all__ = ["dataset"]


def dataset(
    directories: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIRECTORY]...", help="What replays wrote, in order of their time")
    ] = None,
    *,
    out: Annotated[Path, typer.Option("--out", help="New directory for the data set")],
    topics: Annotated[
        bool, typer.Option("--topics", help="What the live engine wrote into the topics instead")
    ] = False,
    store: Annotated[bool, typer.Option("--store", help="What the database holds instead")] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Of --store, closes from then on, ISO 8601")
    ] = None,
) -> None:
    """Make a data set to learn from: candidates with their features, and what became of them."""
    from flows.dataset import fetch_results, fetch_stored, make_dataset
    from flows.engine import costs
    from flows.moments import moment

    if (bool(directories), topics, store).count(True) != 1:
        raise FlowError("dataset needs one of DIRECTORY..., --topics and --store")
    refuse("--store", given=store, options={"--since": since})
    settings = load()
    with TemporaryDirectory(prefix="candlewick-") as folder:
        fetched = Path(folder) / ("topics" if topics else "store")
        if topics:
            fetch_results(settings, fetched)
        elif store:
            told = fetch_stored(settings, fetched, moment("--since", since) if since is not None else ALL_TIME)
            if told:
                typer.echo(told)
        made = make_dataset(directories or [fetched], out, costs(settings))
    typer.echo(
        f"{out}: {made.rows:,} candidates ({made.vetoed:,} vetoed) of {len(made.instruments)} instruments, "
        f"{to_text(made.ts_start)} to {to_text(made.ts_end)}"
    )
    share = made.wins / made.labels if made.labels else 0.0
    typer.echo(f"{made.labels:,} were entered, {made.wins:,} of them ({share:.1%}) ended with a net profit")
    means = ", ".join(f"{name.replace('_', ' ')} {10_000 * mean:+.1f}" for name, mean in made.means.items())
    typer.echo(f"means in basis points: {means}")
    if made.left_out:
        typer.echo(f"{made.left_out:,} more are left out: no vector of their close, or no bars up to their end")
    for hole in made.holes:
        typer.echo(f"no bars of {hole.instrument_id} from {to_text(hole.ts_start)} to {to_text(hole.ts_end)}")
