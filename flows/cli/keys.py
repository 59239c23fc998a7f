"""`candlewick keys`: who may ask the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from psycopg import errors
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.errors import FlowError
from flows.settings import load
from sinks.api_keys import ApiKey, KeyRole, add_key, list_keys, revoke_key, rotate_key
from sinks.database import Connection, address, connect, in_one_line

__all__ = ["keys"]

keys: Final = typer.Typer(no_args_is_help=True, help="The keys of the API; the role of database.owner_dsn keeps them.")
_Identifier = Annotated[str, typer.Argument(metavar="ID", help="As `candlewick keys list` shows it")]
_Days = Annotated[float | None, typer.Option("--expires", metavar="DAYS", help="default: until it is revoked")]


@keys.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose it is: a person or a program")],
    *,
    role: Annotated[KeyRole, typer.Option(help="read; review: also judge signals; admin: also see keys")],
    expires: _Days = None,
) -> None:
    """Make a key and print it, this once: what is stored is its hash."""
    with _database() as connection:
        _show(*add_key(connection, name, role, days=expires))


@keys.command("list")
def show() -> None:
    """All keys that ever were, without their secrets."""
    with _database() as connection:
        found = list_keys(connection)
    table = Table("id", "name", "role", "made", "state")
    for key in found:
        table.add_row(key.id, Text(key.name), key.role, _day(key.created_at), _state(key, datetime.now(UTC)))
    Console(width=None if typer.get_text_stream("stdout").isatty() else 120).print(table)


@keys.command()
def revoke(identifier: _Identifier) -> None:
    """End a key; the API refuses it within seconds."""
    with _database() as connection:
        key = revoke_key(connection, identifier)
    typer.echo(f"key {key.id} of {key.name} ({key.role}): {_state(key, datetime.now(UTC))}")


@keys.command()
def rotate(
    identifier: _Identifier,
    *,
    overlap: Annotated[float, typer.Option(metavar="DAYS", help="How long the old key goes on")] = 1.0,
    expires: _Days = None,
) -> None:
    """Make a new key of the same name and role, and let the old one end after a while."""
    with _database() as connection:
        _show(*rotate_key(connection, identifier, overlap_days=overlap, days=expires))


@contextmanager
def _database() -> Iterator[Connection]:
    dsn = load().database.owner
    with in_one_line(dsn), connect(dsn) as connection:
        try:
            yield connection
        except errors.UndefinedTable as error:
            raise FlowError(f"database {address(dsn)} has no table of keys: run `candlewick migrate` first") from error
        except errors.InsufficientPrivilege as error:
            where = f"database {address(dsn)}: this role may not keep the keys"
            raise FlowError(f"{where}; set database.owner_dsn to the role that migrates") from error


def _show(key: ApiKey, text: str) -> None:
    """The key alone on standard output, so that a script can keep it; what it is on standard error."""
    until = "until it is revoked" if key.expires_at is None else f"until {_day(key.expires_at)}"
    typer.echo(f"key {key.id} of {key.name} ({key.role}), valid {until}; it is shown only now:", err=True)
    typer.echo(text)


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {_day(key.revoked_at)}"
    if key.expires_at is None:
        return "valid"
    return f"{'valid until' if key.is_valid(now) else 'expired'} {_day(key.expires_at)}"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
