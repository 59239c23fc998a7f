"""`candlewick keys`: the key is shown once, and only there."""

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from flows.cli.keys import keys
from flows.embedded.postgres import EmbeddedPostgres
from flows.errors import FlowError
from sinks.migrate import migrate
from tests.integration.timescale_fixtures import new_database


@pytest.fixture
def database(embedded: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with new_database(embedded.dsn) as dsn:
        monkeypatch.setenv("CANDLEWICK_DATABASE__OWNER_DSN", dsn)
        yield dsn


def test_a_key_s_life(database: str) -> None:
    migrate(database)
    run = CliRunner()
    added = run.invoke(keys, ["add", "execution desk", "--role", "read", "--expires", "30"])
    assert added.exit_code == 0
    key = added.stdout.strip()
    identifier = key.split("_")[1]
    assert added.stderr.startswith(f"key {identifier} of execution desk (read), valid until 20")
    assert key not in added.stderr
    rotated = run.invoke(keys, ["rotate", identifier]).stdout.strip()
    assert rotated.startswith("cwk_")
    assert rotated != key
    assert run.invoke(keys, ["revoke", identifier]).stdout.startswith(
        f"key {identifier} of execution desk (read): revoked 20"
    )
    listed = run.invoke(keys, ["list"]).stdout
    assert listed.count("execution desk") == 2
    assert listed.count("revoked 20") == listed.count("valid") == 1
    for text in (key, rotated):
        assert text.rpartition("_")[2] not in listed


def test_a_database_without_the_table_is_told_what_to_do(database: str) -> None:
    failed = CliRunner().invoke(keys, ["list"])
    assert isinstance(failed.exception, FlowError)
    assert str(failed.exception).endswith("has no table of keys: run `candlewick migrate` first")
