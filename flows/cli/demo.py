"""`candlewick demo`."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from flows.demo import demo as started
from flows.process import stop_flag
from flows.stages import stages

__all__ = ["demo"]


def demo(
    *,
    seconds: Annotated[float | None, typer.Option(min=1, help="End by itself after so long; default: Ctrl-C")] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another market")] = 7,
    folder: Annotated[Path, typer.Option(help="Where database and recovery state lie")] = Path(".candlewick/demo"),
) -> None:
    """Show a simulated market in a browser: broker, database, engine, store and API on this machine alone."""
    stop = stop_flag()
    console = Console()
    begun = time.monotonic()
    with started(folder, seed, stop.is_set) as running:
        console.print(f"Candlewick is at [bold]{running.url}[/bold] after {time.monotonic() - begun:.0f} s")
        console.print("A simulated market, nothing of it is real. Ctrl-C ends it." if seconds is None else "")
        deadline = None if seconds is None else begun + seconds
        running.wait(lambda: stop.is_set() or (deadline is not None and time.monotonic() >= deadline))
        table = Table("topic", "messages", "table", "rows")
        for stage in stages(running.settings):
            table.add_row(
                stage.topic, f"{stage.messages:,}", stage.table or "-", "-" if stage.rows is None else f"{stage.rows:,}"
            )
    console.print(table)
