"""The writer on real servers: nothing twice, nothing lost, nothing half written, and poison kept aside."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
import pytest

from schemas.codec import encode
from schemas.identifiers import derive
from schemas.message import Message
from schemas.time import SECOND
from sinks.database import DatabaseError, ServerError, UnreachableError
from sinks.errors import ContradictionError
from sinks.migrate import migrate
from sinks.tables import TABLES
from sinks.timescale import TimescaleWriter
from tests.integration.contents import contents, counts
from tests.integration.records import messages, of_bars, results, signal
from tests.integration.timescale_fixtures import new_database
from tests.integration.timescale_server import TimescaleServer

pytestmark = pytest.mark.integration


@contextmanager
def _writer(dsn: str, **options: Any) -> Iterator[TimescaleWriter]:
    writer = TimescaleWriter(dsn, **options)
    try:
        yield writer
    finally:
        writer.close()


def _write(dsn: str, batch: list[Message], size: int) -> None:
    with _writer(dsn) as writer:
        for first in range(0, len(batch), size):
            assert writer.write(batch[first : first + size])


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_every_record_becomes_a_row_and_a_repetition_changes_nothing(database: str) -> None:
    batch = messages(results())
    expected = Counter(TABLES[message.topic].name for message in batch)
    with _writer(database) as writer:
        assert writer.write(batch)
        before = contents(database)
        assert writer.write(batch)
        assert writer.stored == expected + expected
        assert writer.offsets() == {(topic, 0): expected[table.name] for topic, table in TABLES.items()}
    assert contents(database) == before
    assert {name: len(rows) for name, rows in before.items()} == {**expected, "stream_offsets": len(TABLES)}


def test_rows_that_are_there_are_passed_over_among_new_ones(database: str) -> None:
    batch = messages(of_bars(100))
    with _writer(database) as writer:
        for first, last in ((0, 50), (25, 75), (60, 60), (75, 90), (90, 100), (0, 100)):
            assert writer.write(batch[first:last])
        assert counts(database)["bars"] == 100
        assert counts(database)["dead_letters"] == 0


@pytest.mark.parametrize("kind", ["integer", "real"])
def test_a_column_of_another_type_is_filled_all_the_same(timescale_database: str, kind: str) -> None:
    with psycopg.connect(timescale_database) as connection:
        connection.execute(f"ALTER TABLE gaps ALTER expected TYPE {kind}".encode())
    batch = [message for message in messages(results(1)) if message.topic == "quality.gaps"]
    with _writer(timescale_database) as writer:
        assert writer.write(batch)
        assert writer.stored == Counter(gaps=len(batch))
    with psycopg.connect(timescale_database) as connection:
        stored = connection.execute("SELECT id::text, expected FROM gaps ORDER BY id").fetchall()
    records = [msgspec.json.decode(message.value) for message in batch if message.value is not None]
    assert stored == sorted((record["id"], record["expected"]) for record in records)


def test_any_time_is_the_one_that_the_tables_demand(database: str) -> None:
    topic, gap = next((topic, record) for topic, record in results(60) if topic == "quality.gaps")
    times = [0, 999, -1, -1_001, 1_723_161_254_999_999_999, 4_102_444_799_999_999_999, 2**63 - 1, -(2**62)]
    gaps = [msgspec.structs.replace(gap, id=derive("gap", at), ts_end=at) for at in times]
    _write(database, messages([(topic, one) for one in gaps]), len(gaps))
    assert sorted(row[4] for row in contents(database)["gaps"]) == sorted(times)


def test_large_texts_are_packed_the_fast_way_where_the_server_can(database: str) -> None:
    tainted = {f"feature_{number}": f"reason {number}" for number in range(500)}
    vector = msgspec.structs.replace(_vector(), tainted=tainted)
    _write(database, messages([("features.vectors", vector)]), 1)
    with psycopg.connect(database) as connection:
        known = connection.execute(
            "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
        ).fetchone()
        packed = connection.execute("SELECT pg_column_compression(tainted) FROM features_packed").fetchone()
    assert packed == ("lz4" if known == (True,) else "pglz",)


def test_the_size_of_a_batch_makes_no_difference(timescale_database: str, timescale: TimescaleServer) -> None:
    batch = messages(results(60))
    _write(timescale_database, batch, len(batch))
    for size in (5, 200):
        with new_database(timescale.dsn) as other:
            migrate(other)
            _write(other, batch, size)
            assert contents(other) == contents(timescale_database)


def _poisoned() -> dict[str, Message]:
    """Messages that no table can take, by what has to be said of them."""
    good = signal()
    bar: Any = msgspec.structs.replace(of_bars(1)[0][1], id=good.id)
    return {
        "JSON is malformed": Message("features.bars", 0, 0, 7, b"k", b"\xff not JSON"),
        "no value": Message("reference.instruments", 0, 1, 7, b"k", None),
        "missing required field": Message("features.books", 0, 2, 7, b"k", b'{"type":"book_sample"}'),
        "invalid byte sequence": Message(
            "signals.published", 0, 3, 7, b"k", encode(msgspec.structs.replace(good, explanation="a\0b"))
        ),
        "unsupported Unicode escape": Message(
            "features.vectors", 0, 4, 7, b"k", encode(msgspec.structs.replace(_vector(), tainted={"ofi": "a\0"}))
        ),
        "int too big": Message("features.bars", 0, 5, 7, b"k", encode(msgspec.structs.replace(bar, trades=2**63))),
        "index row requires": Message(
            "features.bars", 0, 6, 7, b"k", encode(msgspec.structs.replace(bar, instrument_id=_incompressible()))
        ),
    }  # fmt: skip


def _vector() -> Any:
    return next(record for topic, record in results(1) if topic == "features.vectors")


def _incompressible() -> str:
    return "".join(chr(33 + n * n * 7919 % 90) + str(n * 7919 % 100_003) for n in range(2000))


def test_poison_becomes_dead_letters_and_holds_nothing_up(database: str) -> None:
    poisoned = _poisoned()
    good = [message._replace(offset=message.offset + 100) for message in messages(of_bars(300))]
    batch = [*good[:150], *poisoned.values(), *good[150:]]
    with _writer(database) as writer:
        assert writer.write(batch)
        assert writer.write(batch)
        assert writer.offsets()["features.bars", 0] == 400
    found = contents(database)
    assert counts(database) == {**dict.fromkeys(found, 0), "bars": 300, "dead_letters": 7, "stream_offsets": 5}
    letters = {row[3]: row for row in found["dead_letters"]}
    for reason, message in poisoned.items():
        _, topic, partition, offset, said, ts_received, key, value, truncated, _ = letters[message.offset]
        assert reason in said
        assert (topic, partition, offset, value) == (message.topic, 0, message.offset, message.value)
        assert (ts_received, key, truncated) == (7_000_000, b"k", None)


@pytest.mark.parametrize("changed", [{"confidence": 0.62}, {"ts_event": signal().ts_event + SECOND}])
@pytest.mark.parametrize("together", [True, False])
def test_a_signal_that_contradicts_its_identifier_stops_the_store(
    timescale_database: str, changed: dict[str, Any], together: bool
) -> None:
    first, second = messages(
        [("signals.published", signal()), ("signals.published", msgspec.structs.replace(signal(), **changed))]
    )
    with _writer(timescale_database) as writer:
        assert together or writer.write([first])
        with pytest.raises(ContradictionError, match=r"signals.published\[0\]@\d: signals has another row"):
            writer.write([first, second] if together else [second])
    assert counts(timescale_database)["signals"] == (0 if together else 1)


def test_an_instrument_keeps_its_newest_definition(database: str) -> None:
    topic, old = results(1)[0]
    new = msgspec.structs.replace(old, tick_size=0.5, ts_received=old.ts_received + 1)
    with _writer(database) as writer:
        assert writer.write(messages([(topic, old), (topic, new), (topic, old)]))
        assert writer.write(messages([(topic, old)]))
    (row,) = contents(database)["instruments"]
    assert dict(zip(TABLES[topic].columns, row, strict=False))["tick_size"] == 0.5


def test_the_wide_view_follows_the_features(database: str) -> None:
    with _writer(database) as writer:
        writer.write(messages(results(60)))
        changed = msgspec.structs.replace(_vector(), schema_hash="beef", features={"new one": 0.25, "ofi": None})
        later = msgspec.structs.replace(changed, id=signal().id, ts_close=changed.ts_close + SECOND)
        writer.write(messages([("features.vectors", later)]))
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT * FROM features_wide ORDER BY time").fetchall()
        names = [column.name for column in connection.execute("SELECT * FROM features_wide").description or []]
    assert names[-2:] == ["new one", "ofi"]
    assert sum(row[-2] == 0.25 for row in rows) == 1


def test_features_are_the_same_by_every_view_and_layout(database: str) -> None:
    """Packed by any names, and as they were stored before they were packed."""
    vector = msgspec.structs.replace(_vector(), features={"a": 0.1, "b": None, "c": 1e-300})
    others = [{"c": 1e-300, "a": 0.1, "b": None}, {"a": 0.1, "c": 1e-300}]
    batch = [
        msgspec.structs.replace(vector, id=derive(place), ts_close=vector.ts_close + place * SECOND, features=features)
        for place, features in enumerate([*others, vector.features])
    ]
    _write(database, messages([("features.vectors", one) for one in [vector, *batch]]), 2)
    with psycopg.connect(database) as connection:
        connection.execute(
            """
            UPDATE features_packed SET layout = NULL, numbers = NULL, features = '{"a": 0.1, "b": null, "c": 1e-300}'
            WHERE id = %s""",
            [vector.id],
        )
        rows = connection.execute("SELECT features FROM features").fetchall()
        wide = connection.execute("SELECT a, b, c FROM features_wide").fetchall()
        values = connection.execute("SELECT feature, count(*), avg(value) FROM feature_values GROUP BY 1").fetchall()
        layouts = connection.execute("SELECT count(DISTINCT layout) FROM features_packed").fetchone()
    assert [{"b": None} | row[0] for row in rows] == [vector.features] * 4
    assert wide == [(0.1, None, 1e-300)] * 4
    assert sorted(values) == [("a", 4, 0.1), ("b", 3, None), ("c", 4, 1e-300)]
    assert layouts == (2,)


def test_a_crash_leaves_rows_and_offsets_together(timescale: TimescaleServer, timescale_database: str) -> None:
    batch = messages(of_bars(2_000))
    with _writer(timescale_database) as writer:
        done: list[bool] = []
        work = threading.Thread(
            target=lambda: done.extend(writer.write(batch[at : at + 10]) for at in range(0, 2_000, 10)), daemon=True
        )
        work.start()
        for goal in (200, 800):
            _until(lambda: counts(timescale_database)["bars"] >= goal)  # noqa: B023, called at once
            timescale.crash()
            timescale.start()
            found = contents(timescale_database)
            assert found["stream_offsets"] == [("features.bars", 0, len(found["bars"]))]
        work.join(30)
    assert done == [True] * 200
    assert counts(timescale_database)["bars"] == 2_000


def test_a_database_that_is_away_is_waited_for(timescale: TimescaleServer, timescale_database: str) -> None:
    with _writer(timescale_database) as writer:
        assert writer.offsets() == {}
        done: list[bool] = []
        work = threading.Thread(target=lambda: done.append(writer.write(messages(of_bars(3)))), daemon=True)
        with timescale.away():
            work.start()
            work.join(0.3)
            assert work.is_alive()
        work.join(20)
    assert done == [True]
    assert counts(timescale_database)["bars"] == 3


def test_stopping_ends_the_wait_and_stores_nothing_later(timescale: TimescaleServer, timescale_database: str) -> None:
    stop = threading.Event()
    with _writer(timescale_database, stop=stop) as writer:
        assert writer.offsets() == {}
        done: list[bool] = []
        work = threading.Thread(target=lambda: done.append(writer.write(messages(of_bars(3)))), daemon=True)
        with timescale.away():
            work.start()
            work.join(0.2)
            stop.set()
            work.join(5)
        assert done == [False]
        assert not writer.write(messages(of_bars(5)))
    assert counts(timescale_database)["bars"] == 0


def _fail(dsn: str, times: int, sqlstate: str) -> None:
    """Makes the server fail at the next ``times`` transactions with bars."""
    with psycopg.connect(dsn) as connection:
        connection.execute(
            f"""
            CREATE SEQUENCE failures;
            CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('failures') <= {times} THEN RAISE 'broken' USING ERRCODE = '{sqlstate}'; END IF;
                RETURN NULL;
            END $$;
            CREATE TRIGGER fail AFTER INSERT ON bars FOR EACH ROW EXECUTE FUNCTION fail()""".encode()
        )


@pytest.mark.parametrize("sqlstate", ["XX000", "P0001", "UNKNO"])
def test_what_a_server_fails_at_may_pass(
    timescale_database: str, sqlstate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.timescale._FIRST_DELAY", 0.001)
    _fail(timescale_database, 2, sqlstate)
    with _writer(timescale_database) as writer:
        assert writer.write(messages(of_bars(1)))
    assert counts(timescale_database)["bars"] == 1


@pytest.mark.parametrize(("sqlstate", "kind", "status"), [("XX000", ServerError, 1), ("42501", DatabaseError, 2)])
def test_what_does_not_pass_ends_the_store(
    timescale_database: str, sqlstate: str, kind: type[DatabaseError], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.timescale._FIRST_DELAY", 0.001)
    _fail(timescale_database, 1_000, sqlstate)
    with _writer(timescale_database) as writer, pytest.raises(kind, match=r"database host=.*: broken") as caught:
        writer.write(messages(of_bars(1)))
    assert caught.value.exit_status == status
    assert counts(timescale_database)["bars"] == 0


def test_only_one_store_may_write_and_another_tries_again(timescale_database: str) -> None:
    with _writer(timescale_database) as first:
        assert first.offsets() == {}
        with (
            _writer(timescale_database, patience=0.1) as second,
            pytest.raises(UnreachableError, match=r"another `candlewick store` writes into it \(candlewick store of "),
        ):
            second.write(messages(of_bars(1)))
    with _writer(timescale_database, patience=0.1) as third:
        assert third.write(messages(of_bars(1)))


def test_the_lock_that_a_lost_session_still_holds_is_waited_for(timescale_database: str) -> None:
    with (
        _writer(timescale_database, patience=0.1) as writer,
        psycopg.connect(timescale_database, autocommit=True) as other,
    ):
        assert writer.offsets() == {}
        held = (
            "FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = %s)"
        )
        lock = f"SELECT classid::bigint << 32 | objid::bigint, pg_terminate_backend(pid) {held}".encode()
        ((key, _),) = other.execute(lock, [other.info.dbname]).fetchall()
        other.execute("SELECT pg_advisory_lock(%s)", [key])
        done: list[bool] = []
        work = threading.Thread(target=lambda: done.append(writer.write(messages(of_bars(3)))), daemon=True)
        work.start()
        work.join(1.0)  # several times as long as it would wait for another store at its start
        assert work.is_alive()
        other.execute("SELECT pg_advisory_unlock(%s)", [key])
        work.join(20)
    assert done == [True]
    assert counts(timescale_database)["bars"] == 3


def test_a_lost_peer_is_noticed_on_both_sides(timescale_database: str) -> None:
    with _writer(timescale_database) as writer:
        assert writer.offsets() == {}
        session = writer._session
        assert session is not None
        assert session.connection.info.get_parameters()["keepalives_idle"] == "10"


def test_missing_tables_and_servers_are_named(empty_database: str) -> None:
    with _writer(empty_database) as writer, pytest.raises(DatabaseError, match="run `candlewick migrate` first"):
        writer.offsets()
    with _writer("host=127.0.0.1 port=1", patience=0.0) as writer, pytest.raises(DatabaseError, match="refused"):
        writer.offsets()
