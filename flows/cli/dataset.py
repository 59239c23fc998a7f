"""`candlewick dataset`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.settings import load
from schemas.time import to_text

__all__ = ["dataset"]


def dataset(
    directories: Annotated[list[Path], typer.Argument(metavar="DIRECTORY...", help="What a replay wrote, in order")],
    *,
    out: Annotated[Path, typer.Option("--out", help="New directory for the data set")],
) -> None:
    """Make a data set to learn from: candidates with their features, and what became of them."""
    from flows.dataset import make_dataset  # noqa: PLC0415, only who learns needs what it stands on
    from flows.engine import costs  # noqa: PLC0415

    made = make_dataset(directories, out, costs(load()))
    typer.echo(
        f"{out}: {made.rows:,} candidates ({made.vetoed:,} vetoed) of {len(made.instruments)} instruments, "
        f"{to_text(made.ts_start)} to {to_text(made.ts_end)}"
    )
    share = made.wins / made.labels if made.labels else 0.0
    typer.echo(f"{made.labels:,} were entered, {made.wins:,} of them ({share:.1%}) ended with a net profit")
    for hole in made.holes:
        typer.echo(f"no bars of {hole.instrument_id} from {to_text(hole.ts_start)} to {to_text(hole.ts_end)}")
