"""`candlewick regimes`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from flows.settings import load
from schemas.time import Timeframe

__all__ = ["regimes"]


def regimes(
    directories: Annotated[list[Path], typer.Argument(metavar="DIRECTORY...", help="What `candlewick replay` wrote")],
    *,
    timeframe: Annotated[Timeframe, typer.Option(help="Of the closes that are looked at")] = "5m",
    to: Annotated[
        Path | None, typer.Option("--to", help="A file for `replay --activations`, whose last ones are refined")
    ] = None,
    dry: Annotated[bool, typer.Option("--dry", help="Only show them")] = False,
) -> None:
    """Fit the regimes (bull, bear, sideways, volatile) of a timeframe, and let the log tell their parameters."""
    from flows.regimes import fitted, last_told, tell
    from models.regimes import STATES

    record, closes = fitted(directories, timeframe, None if to is None else last_told(to, timeframe))
    heads = [f"to {name}" for name in STATES]
    table = Table("regime", "return", "volatility", "stays, bars", *heads, caption=f"{closes:,} closes of {timeframe}")
    for at, name in enumerate(STATES):
        stays = 1.0 / max(1.0 - record.transition[at][at], 1e-9)
        moves = [f"{chance:.3f}" for chance in record.transition[at]]
        table.add_row(name, f"{record.means[at][0]:+.2f} sd", f"{record.means[at][1]:+.2f} log", f"{stays:.0f}", *moves)
    Console(width=None if typer.get_text_stream("stdout").isatty() else 100).print(table)
    if not dry:
        tell(load(), record, to)
        typer.echo(f"told {to or 'the log'}: they count from the first close on that knows of them")
