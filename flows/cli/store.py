"""`candlewick store`."""

import os
import signal
from threading import Event, Timer
from types import FrameType
from typing import Annotated, Final

import typer

from flows.settings import load
from flows.store import run_store

__all__ = ["store"]

_PATIENCE_S: Final = 8.0


def store(
    *, until_end: Annotated[bool, typer.Option("--until-end", help="End when all that is there now is stored")] = False
) -> None:
    """Fill the database from the result topics, until SIGTERM or Ctrl-C."""
    stop = Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        # A frozen server must not hold up the end. Nothing is lost: what is not committed is read again.
        overdue = Timer(_PATIENCE_S, os._exit, [0])
        overdue.daemon = True
        overdue.start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    for table, count in sorted(run_store(load(), until_end=until_end, stop=stop).items()):
        typer.echo(f"{table}: {count}")
