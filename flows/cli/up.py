"""`candlewick up`."""

from enum import StrEnum
from typing import Annotated

import typer

from flows.settings import load
from flows.supervise.up import up as run

__all__ = ["Stage", "up"]


class Stage(StrEnum):
    """What can be supervised."""

    ENGINE = "engine"
    STORE = "store"
    API = "api"


def up(
    stages: Annotated[list[Stage] | None, typer.Argument(metavar="[engine] [store] [api]", help="Default: all")] = None,
    *,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="End the supervisor that runs here now, then begin: for a new release")
    ] = False,
) -> None:
    """Run engine, store and API under a supervisor that starts again who dies or hangs, until SIGTERM or Ctrl-C."""
    run(load(), [stage.value for stage in stages or Stage], take_over=take_over)
