"""`candlewick migrate`."""

from typing import Annotated

import typer

from flows.settings import load
from sinks.database import address
from sinks.migrate import migrate as apply

__all__ = ["migrate"]


def migrate(
    dsn: Annotated[str | None, typer.Option(help="libpq connection string; default: database.owner_dsn")] = None,
) -> None:
    """Create or update the tables. Safe to repeat; works with TimescaleDB and with plain PostgreSQL."""
    target = dsn or load().database.owner
    applied = apply(target, notify=lambda remark: typer.echo(f"  note: {remark}", err=True))
    for name in applied:
        typer.echo(f"applied {name}")
    typer.echo(f"{address(target)}: up to date ({len(applied)} applied now)")
