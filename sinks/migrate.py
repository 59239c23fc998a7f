"""Brings a database to the tables of ``deploy/migrations``: each file once, in its own transaction, never changed."""

import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import psycopg
from msgspec import Struct

from sinks.database import Connection, DatabaseError, connect, in_one_line, one_line

__all__ = ["MIGRATIONS", "Migration", "MigrationError", "migrate", "pending", "read_migrations"]

MIGRATIONS: Final[Traversable] = files("deploy") / "migrations"
_LOCK: Final = 0x63776D6967  # any number that no one else takes as an advisory lock: "cwmig"
_TOKEN: Final = re.compile(
    r"""--[^\n]* | '(?:[^']|'')*' | "[^"]*" | (?P<tag>\$\w*\$).*?(?P=tag) | (?P<end>;) | [^-'"$;]+ | .""", re.S | re.X
)
_SPACE_AND_COMMENTS: Final = re.compile(r"(?:\s|--[^\n]*\n)*")


class MigrationError(DatabaseError):
    """A migration that failed or does not fit; the text names file, line, statement and what the server said."""


class Migration(Struct, frozen=True):
    """One file."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return sha256(self.sql.encode()).hexdigest()

    def statements(self) -> Iterator[tuple[int, str]]:
        """Line and text of each statement, split at semicolons outside quotes, dollar quotes and comments."""
        start = 0
        for token in _TOKEN.finditer(self.sql):
            if token["end"]:
                yield self._statement(start, token.end())
                start = token.end()
        if _SPACE_AND_COMMENTS.sub("", self.sql[start:] + "\n", count=1):
            yield self._statement(start, len(self.sql))

    def _statement(self, start: int, end: int) -> tuple[int, str]:
        lead = _SPACE_AND_COMMENTS.match(self.sql, start)
        first = lead.end() if lead else start
        return self.sql.count("\n", 0, first) + 1, self.sql[first:end]


def read_migrations(folder: Traversable = MIGRATIONS) -> list[Migration]:
    """The ``.sql`` files of ``folder`` by name."""
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [Migration(entry.name, entry.read_text("utf-8")) for entry in found]


def migrate(dsn: str, folder: Traversable = MIGRATIONS, *, notify: Callable[[str], None] = lambda _: None) -> list[str]:
    """Applies what is missing and returns the names of those files; a second call returns an empty list.

    What the server remarks on the way (no TimescaleDB, a role it may not create) is handed to ``notify``.

    Raises:
        MigrationError: a statement was refused (its whole file is undone, the files before it stay), a file was
            changed after it was applied, or the database is newer than this program.
        DatabaseError: the server cannot be reached, or refuses the role what is needed to look.
    """
    with in_one_line(dsn), connect(dsn) as connection:
        connection.add_notice_handler(
            lambda remark: notify(remark.message_primary or "") if remark.sqlstate in ("01000", "00000") else None
        )
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])  # one at a time; released with the connection
        missing = pending(connection, folder)
        for migration in missing:
            _apply(connection, migration)
    return [migration.name for migration in missing]


def pending(connection: Connection, folder: Traversable = MIGRATIONS) -> list[Migration]:
    """The migrations that the database lacks.

    Raises:
        MigrationError: it has one of other content, or one that is unknown here.
        psycopg.Error: the role may not look.
    """
    migrations = {migration.name: migration for migration in read_migrations(folder)}
    applied = _applied(connection)
    for name, digest in applied.items():
        if name not in migrations:
            raise MigrationError(f"the database has migration {name}, unknown to this version: use the newer program")
        if migrations[name].sha256 != digest:
            raise MigrationError(
                f"{name} was changed after it was applied (sha256 {digest[:12]} in the database,"
                f" {migrations[name].sha256[:12]} in the file): restore it and put the change into a new file"
            )
    return [migration for name, migration in migrations.items() if name not in applied]


def _applied(connection: Connection) -> dict[str, str]:
    # The first migration makes this table.
    if connection.execute("SELECT to_regclass('schema_migrations')").fetchone() == (None,):
        return {}
    return dict(connection.execute("SELECT name, sha256 FROM schema_migrations").fetchall())


def _apply(connection: Connection, migration: Migration) -> None:
    with connection.transaction():
        for line, statement in migration.statements():
            try:
                connection.execute(statement.encode())
            except psycopg.Error as error:
                raise MigrationError(_explain(migration, line, statement, error)) from error
        connection.execute(
            "INSERT INTO schema_migrations (name, sha256) VALUES (%s, %s)", [migration.name, migration.sha256]
        )


def _explain(migration: Migration, line: int, statement: str, error: psycopg.Error) -> str:
    if position := error.diag.statement_position:
        line += statement.count("\n", 0, int(position) - 1)
    hint = ""
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        hint = "; migrate with a role that owns the database, such as --dsn postgresql://owner@host/candlewick"
    where = f"{migration.name} line {line}, in `{statement.splitlines()[0].rstrip()}`"
    return f"{where}: {error.diag.message_primary or one_line(error)} (SQLSTATE {error.sqlstate}){hint}"
