"""`candlewick run`."""

from typing import Annotated

import typer

from flows.run import run_engine
from flows.settings import load

__all__ = ["run"]


def run(
    *,
    until_end: Annotated[bool, typer.Option("--until-end", help="End at what is now the end of the log")] = False,
    rebuild_from: Annotated[
        str | None,
        typer.Option(help="Make a lost state anew from the log: earliest, a time (ISO 8601 UTC), or an offset"),
    ] = None,
    accept_settings: Annotated[
        bool, typer.Option("--accept-settings", help="Go on with settings that change results")
    ] = False,
) -> None:
    """Run the engine until SIGTERM or Ctrl-C: from the log to features and signals."""
    run_engine(load(), until_end=until_end, rebuild_from=rebuild_from, accept_settings=accept_settings)
