"""How a migration is split into statements, without a server."""

from sinks.migrate import Migration, read_migrations


def _split(sql: str) -> list[tuple[int, str]]:
    return list(Migration("0001_x.sql", sql).statements())


def test_semicolons_end_statements_but_not_inside_quotes_and_comments() -> None:
    sql = """-- a; comment
SELECT 'it''s; fine', "a;b" -- another; comment
FROM t;

DO $$ BEGIN; PERFORM 1; END $$;
CREATE FUNCTION f() AS $body$ x; $$ y; $$ $body$;
SELECT 1 - 2, $1;
"""
    assert [line for line, _ in _split(sql)] == [2, 5, 6, 7]
    assert [text.split()[0] for _, text in _split(sql)] == ["SELECT", "DO", "CREATE", "SELECT"]


def test_the_last_statement_needs_no_semicolon_and_comments_are_none() -> None:
    assert _split("SELECT 1;\nSELECT 2\n") == [(1, "SELECT 1;"), (2, "SELECT 2\n")]
    assert _split("SELECT 1;\n-- the end\n") == [(1, "SELECT 1;")]


def test_migrations_are_numbered_without_doubles() -> None:
    numbers = [migration.name.split("_")[0] for migration in read_migrations()]
    assert numbers == sorted(set(numbers))
