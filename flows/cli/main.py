"""The root of the `candlewick` command."""

import logging
import re
import sys

import typer

from flows.cli.api import api
from flows.cli.demo import demo
from flows.cli.doctor import doctor
from flows.cli.features import features
from flows.cli.ingest import ingest
from flows.cli.inspect import inspect
from flows.cli.migrate import migrate
from flows.cli.replay import replay
from flows.cli.run import run
from flows.cli.schema import schema
from flows.cli.store import store
from flows.cli.topics import topics
from flows.cli.verify_parity import verify_parity
from flows.errors import told

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="A streaming engine that turns crypto market data into explained, reviewable trading signals.",
)  # fmt: skip
for command in (
    api,
    demo,
    doctor,
    features,
    ingest,
    inspect,
    migrate,
    replay,
    run,
    schema,
    store,
    topics,
    verify_parity,
):
    app.command()(command)


class _Once(logging.Filter):
    """Lets a remark through that was not made in the last half minute; clients repeat theirs ten times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        remark = re.sub(r"\d+", "", f"{record.name} {record.getMessage()}")
        fresh = record.created - self._made.get(remark, 0.0) > 30.0
        if fresh:
            self._made[remark] = record.created
        return fresh


def main() -> None:
    """Run the command; an error of ours is one line on standard error and exit status 2."""
    told_once = logging.StreamHandler()
    told_once.addFilter(_Once())
    logging.basicConfig(format="candlewick: %(message)s", handlers=[told_once])
    try:
        app()
    except Exception as error:
        ours = told(error)
        if ours is None:
            raise
        for line in str(ours).splitlines():
            typer.echo(f"candlewick: {line}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
