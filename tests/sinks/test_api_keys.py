"""Keys of the API: what is stored of them, how they end, and that nothing is done to them unnoted."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from flows.embedded.postgres import EmbeddedPostgres
from sinks.api_keys import ApiKey, add_key, key_id, list_keys, matches, revoke_key, rotate_key, stored_keys
from sinks.database import Connection, DatabaseError, connect
from sinks.migrate import migrate
from tests.integration.timescale_fixtures import new_database

_DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def dsn(embedded: EmbeddedPostgres) -> Iterator[str]:
    with new_database(embedded.dsn) as name:
        migrate(name)
        yield name


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection]:
    with connect(dsn) as opened:
        yield opened
        opened.execute("TRUNCATE api_keys, audit")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_a_key_is_known_by_its_hash_alone(dsn: str, connection: Connection) -> None:
    key, text = add_key(connection, "desk", "read")
    other, _ = add_key(connection, "desk", "review", days=2)
    dump = str(connection.execute("SELECT api_keys::text, audit::text FROM api_keys, audit").fetchall())
    assert text.rpartition("_")[2] not in dump
    async with await psycopg.AsyncConnection.connect(dsn) as asked:
        known = await stored_keys(asked)
    assert {*known} == {key.id, other.id}
    assert known[key_id(text) or ""].key == key
    assert matches(text, known[key.id])
    assert not matches(text, known[other.id])
    for wrong in (text[:-1], text + "a", text.upper(), "", "\udc80"):
        assert not matches(wrong, known[key.id])


@pytest.mark.parametrize("text", ["", "cwk", "cwk_", "cwk_abc", "abc_def_ghi", "_", "Bearer x"])
def test_what_is_no_key_has_no_identifier(text: str) -> None:
    assert key_id(text) is None


def test_keys_end_by_time_and_by_hand(connection: Connection) -> None:
    key, _ = add_key(connection, "desk", "read", days=2)
    now = datetime.now(UTC)
    assert key.is_valid(now)
    assert not key.is_valid(now + 3 * _DAY)
    assert not revoke_key(connection, key.id).is_valid(now)
    assert revoke_key(connection, key.id).revoked_at == list_keys(connection)[0].revoked_at


def test_rotation_leaves_the_old_key_for_a_while(connection: Connection) -> None:
    old, _ = add_key(connection, "desk", "review")
    new, _ = rotate_key(connection, old.id, overlap_days=1)
    assert (new.name, new.role, new.expires_at) == ("desk", "review", None)
    now = datetime.now(UTC)
    states: dict[str, ApiKey] = {key.id: key for key in list_keys(connection)}
    assert [states[key.id].is_valid(now) for key in (old, new)] == [True, True]
    assert [states[key.id].is_valid(now + 2 * _DAY) for key in (old, new)] == [False, True]
    rotate_key(connection, old.id, overlap_days=9)  # never makes it live longer
    assert {key.id: key for key in list_keys(connection)}[old.id].expires_at == states[old.id].expires_at
    revoke_key(connection, old.id)
    with pytest.raises(DatabaseError, match=f"key {old.id} of desk has ended"):
        rotate_key(connection, old.id, overlap_days=1)


def test_whatever_is_done_to_a_key_is_noted_with_who_did_it(connection: Connection) -> None:
    key, _ = add_key(connection, "desk", "admin")
    rotate_key(connection, key.id, overlap_days=1)
    revoke_key(connection, key.id)
    connection.execute("DELETE FROM api_keys WHERE id = %s", [key.id])
    rows = connection.execute(
        "SELECT actor, action, detail FROM audit WHERE subject = %s ORDER BY at", [key.id]
    ).fetchall()
    assert [action for _, action, _ in rows] == ["key added", "key changed", "key revoked", "key deleted"]
    assert {actor for actor, _, _ in rows} == {connection.info.user}
    assert rows[0][2] == "desk, admin, expires never"


@pytest.mark.parametrize(
    ("name", "days", "said"),
    [
        ("", None, "NAME ''"), (" desk", None, "NAME ' desk'"), ("a\nb", None, r"NAME 'a\\nb'"),
        ("x" * 101, None, "NAME"), ("desk", 0, "--expires 0"), ("desk", float("nan"), "--expires nan"),
        ("desk", 1e9, "--expires 1e[+]09"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(connection: Connection, name: str, days: float | None, said: str) -> None:
    with pytest.raises(DatabaseError, match=f"^{said}"):
        add_key(connection, name, "read", days=days)
    assert list_keys(connection) == []


def test_an_unknown_identifier_is_said(connection: Connection) -> None:
    with pytest.raises(DatabaseError, match="no key has the identifier 'nobody'; `candlewick keys list`"):
        revoke_key(connection, "nobody")
