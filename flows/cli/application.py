"""The `candlewick` command with its subcommands, and how it tells errors."""

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import typer

from flows.errors import told
from flows.remarks import show_remarks

__all__ = ["COMMANDS", "application", "run"]

COMMANDS: Final = (
    "api", "backfill", "dataset", "demo", "doctor", "drift-report", "evaluate", "explain", "features", "heatmap",
    "ingest", "inspect", "keys", "migrate", "models", "regimes", "replay", "retrain", "run", "schema", "state",
    "store", "topics", "train", "up", "verify-parity",
)  # fmt: skip
"""Each is a function (or a group of them) of its name in a module of its name beside this one."""


def application(names: Sequence[str] = COMMANDS) -> typer.Typer:
    """The command with these subcommands; one alone starts twice as fast as all of them."""
    app = typer.Typer(
        no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
        help="A streaming engine that turns crypto market data into explained, reviewable trading signals.",
    )  # fmt: skip
    app.callback()(lambda: None)  # so that a single subcommand is still named by its name
    for name in names:
        module = name.replace("-", "_")
        command = getattr(import_module(f"flows.cli.{module}"), module)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def run() -> None:
    """Run the command; an error of ours is one line on standard error and its own exit status."""
    show_remarks()
    asked = tuple(name for name in sys.argv[1:2] if name in COMMANDS)
    try:
        command = application(asked or COMMANDS)
        gc.enable()
        command()
    except Exception as error:
        ours = told(error)
        if ours is None:
            raise
        for line in str(ours).splitlines():
            typer.echo(f"candlewick: {line}", err=True)
        sys.exit(ours.exit_status)
    except KeyboardInterrupt:
        sys.exit(130)
