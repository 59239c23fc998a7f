"""The keys of the API: made, listed, ended, and read by who checks them. What is stored of a key is its hash.

A key is ``cwk_ID_SECRET``. The secret has 256 random bits, so SHA-256 over the whole key needs neither salt nor
stretching: nobody can try them all.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from sinks.database import Connection, DatabaseError

__all__ = [
    "ROLES", "ApiKey", "KeyRole", "StoredKey", "add_key", "key_id", "list_keys", "matches", "revoke_key", "rotate_key",
    "stored_keys",
]  # fmt: skip

KeyRole = Literal["read", "review", "admin"]
ROLES: Final[Sequence[KeyRole]] = ("read", "review", "admin")
"""Each may do what those before it may."""

_PREFIX: Final = "cwk"
_LONGEST_NAME: Final = 100
_LONGEST_LIFE_DAYS: Final = 3650


class ApiKey(Struct, frozen=True, kw_only=True):
    """What is known of a key, without its hash."""

    id: str
    """Part of the key, and no secret: what logs and lists call it by."""
    name: str
    """Whose it is; one who has several, as in the days of a rotation, has one name."""
    role: KeyRole
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        """Whether it opens anything."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class StoredKey(Struct, frozen=True):
    """A key as who checks it needs it."""

    key: ApiKey
    hash: bytes


def key_id(text: str) -> str | None:
    """The identifier within a key; ``None``: this is no key."""
    parts = text.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == _PREFIX else None


def matches(text: str, known: StoredKey) -> bool:
    """Whether ``text`` is that key; takes as long whatever of it is right."""
    return compare_digest(_hash(text), known.hash)


def add_key(connection: Connection, name: str, role: KeyRole, *, days: float | None = None) -> tuple[ApiKey, str]:
    """A new key, and its text, which is nowhere else.

    Parameters:
        days: how long it is valid; ``None``: until it is revoked.

    Raises:
        DatabaseError: a name or a time that cannot be, or the role may not write keys.
    """
    if not (name.isprintable() and 0 < len(name) <= _LONGEST_NAME and name == name.strip()):
        raise DatabaseError(
            f"NAME {name!r:.120}: 1 to {_LONGEST_NAME} printable characters, none of them a space at an end"
        )
    if days is not None and not 0 < days <= _LONGEST_LIFE_DAYS:
        raise DatabaseError(f"--expires {days:g}: more than 0 and at most {_LONGEST_LIFE_DAYS} days")
    identifier = secrets.token_hex(6)
    text = f"{_PREFIX}_{identifier}_{secrets.token_urlsafe(32)}"
    expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    row = connection.execute(_INSERT, [identifier, name, role, _hash(text), expires_at]).fetchone()
    assert row is not None
    return _key(row), text


def list_keys(connection: Connection) -> list[ApiKey]:
    """All that ever were, the oldest first."""
    return [_key(row) for row in connection.execute(_SELECT_ALL).fetchall()]


def revoke_key(connection: Connection, identifier: str) -> ApiKey:
    """End a key now; one that has ended stays as it is.

    Raises:
        DatabaseError: there is none of that identifier.
    """
    connection.execute("UPDATE api_keys SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL", [identifier])
    return _find(connection, identifier)


def rotate_key(
    connection: Connection, identifier: str, *, overlap_days: float, days: float | None = None
) -> tuple[ApiKey, str]:
    """A new key of the same name and role; the old one is valid for ``overlap_days`` more, or less if it ends before.

    Raises:
        DatabaseError: there is none of that identifier, it is not valid any more, or as `add_key` does.
    """
    if not 0 <= overlap_days <= _LONGEST_LIFE_DAYS:
        raise DatabaseError(f"--overlap {overlap_days:g}: 0 to {_LONGEST_LIFE_DAYS} days")
    with connection.transaction():
        old = _find(connection, identifier)
        if not old.is_valid(datetime.now(UTC)):
            raise DatabaseError(f"key {identifier} of {old.name} has ended; `candlewick keys add` makes a new one")
        until = datetime.now(UTC) + timedelta(days=overlap_days)
        connection.execute("UPDATE api_keys SET expires_at = least(expires_at, %s) WHERE id = %s", [until, identifier])
        return add_key(connection, old.name, old.role, days=days)


async def stored_keys(connection: AsyncConnection[Any]) -> dict[str, StoredKey]:
    """Every key by its identifier, the ended ones too: they tell that keys are in use here."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SELECT * FROM api_keys")
        return {row["id"]: StoredKey(msgspec.convert(row, ApiKey), row["hash"]) for row in await cursor.fetchall()}


_COLUMNS: Final = SQL(", ").join(Identifier(field.name) for field in msgspec.structs.fields(ApiKey))
_SELECT_ALL: Final = SQL("SELECT {} FROM api_keys ORDER BY created_at, id").format(_COLUMNS)
_SELECT: Final = SQL("SELECT {} FROM api_keys WHERE id = %s").format(_COLUMNS)
_INSERT: Final = SQL(
    "INSERT INTO api_keys (id, name, role, hash, expires_at) VALUES (%s, %s, %s, %s, %s) RETURNING {}"
).format(_COLUMNS)


def _find(connection: Connection, identifier: str) -> ApiKey:
    row = connection.execute(_SELECT, [identifier]).fetchone()
    if row is None:
        raise DatabaseError(f"no key has the identifier {identifier!r:.40}; `candlewick keys list` shows them")
    return _key(row)


def _key(row: tuple[Any, ...]) -> ApiKey:
    return msgspec.convert(dict(zip(ApiKey.__struct_fields__, row, strict=True)), ApiKey)


def _hash(text: str) -> bytes:
    return sha256(text.encode(errors="surrogatepass")).digest()
