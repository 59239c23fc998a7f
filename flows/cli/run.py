"""`candlewick run`."""

from typing import Annotated

import typer

from flows.run import run_engine
from flows.settings import load

__all__ = ["run"]


def run(
    *, until_end: Annotated[bool, typer.Option("--until-end", help="End at what is now the end of the log")] = False
) -> None:
    """Run the engine until SIGTERM or Ctrl-C: from the log to features and signals."""
    run_engine(load(), until_end=until_end)
