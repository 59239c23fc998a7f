"""Fills the tables from messages of the result topics, rows and offsets in one transaction.

Unit of parallelism: the database; an advisory lock keeps a second writer out, which would do no harm but work.
Guarantee: a batch is in the tables with the offsets behind it, or neither is; a batch written again changes nothing.
A row that cannot be read, or that the database refuses, becomes a dead letter and holds nothing up.

Needs a session of its own (advisory lock, temporary tables): not a pooler in transaction mode.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from threading import Event
from time import monotonic
from typing import Final, NamedTuple, TypeVar

import msgspec
import psycopg
from psycopg import errors
from psycopg.types.json import set_json_dumps

from schemas.codec import DecodeError
from schemas.errors import place
from schemas.failpoints import reach
from schemas.message import Message
from sinks.arrays import FloatsDumper
from sinks.database import Connection, DatabaseError, ServerError, UnreachableError, address, connect, one_line
from sinks.errors import ContradictionError
from sinks.loading import Loader
from sinks.migrate import pending
from sinks.packing import Layout
from sinks.tables import DEAD_LETTERS, TABLES, Row, Table, dead_letter, decode

__all__ = ["Prepared", "TimescaleWriter", "prepare"]

T = TypeVar("T")
_log: Final = logging.getLogger(__name__)
_LOCK: Final = 0x6377746F72  # "cwtor"
_FIRST_DELAY: Final = 0.1
_LONGEST_DELAY: Final = 10.0
_MOST_TRIES: Final = 8
"""Within 13 s, of what the server fails at, though it is there."""
# A peer that is gone without a word is noticed within half a minute: here, so that the loss is seen, and there, so that
# the lost session gives its lock back.
_KEEPALIVES: Final = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}
_TCP_TIMEOUT_MS: Final = 30_000
_VECTORS: Final = TABLES["features.vectors"]
_LAYOUT: Final = _VECTORS.columns.index("layout")
_SESSION: Final = f"""
    SET jit = off;  -- it never pays here
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4;
    SET tcp_user_timeout = {_TCP_TIMEOUT_MS}"""
_PACKING: Final = """
    SELECT set_config(name, 'lz4', false) FROM pg_settings
    WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"""
"""Packing a vector is two fifths of a server's work on it by its default way; not every server has the faster one."""
_AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError, errors.ReadOnlySqlTransaction, UnreachableError)
# SQLSTATE classes of what a person has to mend: a table, column, right, database or schema that is lacking.
_LACKING: Final = ("42", "3D", "3F")
# What is wrong with a row, not with the server. Numbers out of range and NUL in a text are found by psycopg itself.
_REFUSED: Final = (psycopg.DataError, psycopg.IntegrityError, errors.ProgramLimitExceeded, UnicodeError, OverflowError)


class Rows(NamedTuple):
    """Messages and what they became, in the same order."""

    messages: list[Message]
    rows: list[Row | bytes]

    def part(self, wanted: slice) -> "Rows":
        """Some of them."""
        return Rows(self.messages[wanted], self.rows[wanted])

    def add(self, other: "Rows") -> None:
        """``other`` behind these."""
        self.messages.extend(other.messages)
        self.rows.extend(other.rows)


class Prepared:
    """Messages as rows."""

    def __init__(self) -> None:
        self.tables: dict[Table, Rows] = {}
        self.rejected = Rows([], [])
        """The dead letters of what could not be decoded."""
        self.layouts: dict[Table, list[Layout]] = {}
        """Of tables with features: all that their rows have, the last one's last."""
        self.following: dict[tuple[str, int], int] = {}
        """By topic and partition the offset after the last message."""

    def __len__(self) -> int:
        return len(self.rejected.rows) + sum(len(rows.rows) for rows in self.tables.values())

    def add(self, other: "Prepared") -> None:
        """``other``, of messages that follow on these."""
        for table, rows in other.tables.items():
            self.tables.setdefault(table, Rows([], [])).add(rows)
        for table, layouts in other.layouts.items():
            known = self.layouts.setdefault(table, [])
            known[:] = [layout for layout in known if layout not in layouts] + layouts
        self.rejected.add(other.rejected)
        self.following.update(other.following)


class TimescaleWriter:
    """One session that writes batches.

    Parameters
    ----------
    dsn
        libpq connection string of a role that may write (member of ``candlewick_write``).
    stop
        Once set, waiting for a database that is away ends, and nothing more is written.
    patience
        Seconds to wait for the very first connection, and for another store to end, before it is an error. Later losses
        are waited out for ever.

    Raises
    ------
    UnreachableError
        No connection within ``patience``, or another store at work: worth another try.
    DatabaseError
        Missing migrations, missing rights.
    """

    def __init__(self, dsn: str, *, stop: Event | None = None, patience: float = 30.0) -> None:
        self.stored: Counter[str] = Counter()
        """Messages that became rows (or were there already), by table."""
        self._dsn = dsn
        self._stop = stop or Event()
        self._session: Loader | None = None
        self._layout: Layout | None = None
        self._patience = patience
        self._deadline: float | None = monotonic() + patience

    def offsets(self) -> dict[tuple[str, int], int]:
        """By topic and partition the offset to go on at; empty if ``stop`` ended the wait for the database."""
        query = "SELECT topic, partition, next_offset FROM stream_offsets"
        rows = self._persist(lambda session: session.connection.execute(query).fetchall())
        return {(topic, partition): offset for topic, partition, offset in rows or []}

    def write(self, batch: Sequence[Message]) -> bool:
        """Stores ``batch``, in offset order within a partition; false if ``stop`` came first and nothing was stored.

        Raises:
            ContradictionError: a signal or outcome of known identifier differs from what is stored; nothing is written.
            DatabaseError: the role may not write, or a table is not as the migrations left it.
            ServerError: the server fails at it again and again.
        """
        return self.store(prepare(batch))

    def store(self, prepared: Prepared) -> bool:
        """`write` for who has prepared the batch already, as one can while the one before is being stored."""
        if not prepared.following:
            return not self._stop.is_set()
        counted = self._persist(lambda session: self._store(session, prepared))
        if counted is None:
            return False
        self.stored += counted
        self._widen(prepared.layouts.get(_VECTORS, []))
        return True

    def close(self) -> None:
        """Ends the session. What was written stays."""
        if self._session is not None:
            self._session.connection.close()
            self._session = None

    def _persist(self, action: Callable[[Loader], T]) -> T | None:
        delay, failures = _FIRST_DELAY, 0
        while not self._stop.is_set():
            try:
                return action(self._open())
            except _AWAY as error:
                self.close()
                if self._deadline is not None and monotonic() + delay > self._deadline:
                    raise UnreachableError(one_line(error)) from error
                cause: Exception = error
            except psycopg.Error as error:
                said = f"database {address(self._dsn)}: {one_line(error)}"
                if (error.sqlstate or "").startswith(_LACKING):
                    raise DatabaseError(said) from error
                self.close()
                failures += 1
                if failures == _MOST_TRIES:
                    raise ServerError(f"{said} (SQLSTATE {error.sqlstate}, {failures} times in a row)") from error
                cause = error
            _log.warning("%s; trying again in %.1f s", one_line(cause), delay)
            self._stop.wait(delay)
            delay = min(2 * delay, _LONGEST_DELAY)
        return None

    def _open(self) -> Loader:
        if self._session is None:
            connection = connect(
                self._dsn, application_name="candlewick store", tcp_user_timeout=_TCP_TIMEOUT_MS, **_KEEPALIVES
            )
            try:
                self._session = self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._deadline = None
        return self._session

    def _prepare(self, connection: Connection) -> Loader:
        set_json_dumps(msgspec.json.encode, connection)
        connection.adapters.register_dumper(None, FloatsDumper)
        connection.execute(_SESSION.encode())
        connection.execute(_PACKING)
        self._lock(connection)
        if missing := pending(connection):
            raise DatabaseError(
                f"database {address(self._dsn)} lacks migration {missing[0].name}: run `candlewick migrate` first"
            )
        return Loader(connection)

    def _lock(self, connection: Connection) -> None:
        # Every wait for a lock is bounded, so that `stop` is seen.
        connection.execute(f"SET lock_timeout = {1 + round(1000 * min(self._patience, 5))}".encode())
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])  # the lock of a store that just died goes soon
        except errors.LockNotAvailable as error:
            where, (holder, writes) = address(self._dsn), _holder(connection)
            if writes:  # or is gone with its host or connection, which the server notices after a while
                raise UnreachableError(
                    f"database {where}: another `candlewick store` writes into it ({holder}):"
                    " only one may; this one waits for its end"
                ) from error
            # Anybody may take it. What two stores write is right too, only written twice.
            _log.warning("database %s: %s holds the store's lock and may not write: passed over", where, holder)
        connection.execute("SET lock_timeout = '5s'")

    def _store(self, session: Loader, prepared: Prepared) -> Counter[str]:
        dead = prepared.rejected.part(slice(None))
        counted: Counter[str] = Counter()
        reach("store.copy.before")
        with session.connection.transaction():
            session.name(chain.from_iterable(prepared.layouts.values()))
            for table, wanted in prepared.tables.items():
                refused = self._insert(session, table, wanted)
                counted[table.name] += len(wanted.rows) - len(refused.rows)
                dead.add(refused)
            if dead.rows:
                self._load(session, DEAD_LETTERS, dead)
                counted[DEAD_LETTERS.name] += len(dead.rows)
            columns = zip(*((*output, offset) for output, offset in prepared.following.items()), strict=True)
            session.connection.execute(_ADVANCE, [list(column) for column in columns])
            reach("store.commit.before")
        reach("store.commit.after")
        return counted

    def _insert(self, session: Loader, table: Table, wanted: Rows) -> Rows:
        """The dead letters of what the database refused, found by halving."""
        try:
            self._load(session, table, wanted)
        except _REFUSED as error:
            if len(wanted.rows) == 1:
                reason = error.diag.message_primary if isinstance(error, psycopg.Error) else None
                message = wanted.messages[0]
                return Rows([message], [dead_letter(message, f"refused by the database: {reason or error}")])
            middle = len(wanted.rows) // 2
            refused = self._insert(session, table, wanted.part(slice(middle)))
            refused.add(self._insert(session, table, wanted.part(slice(middle, None))))
            return refused
        return Rows([], [])

    def _load(self, session: Loader, table: Table, wanted: Rows) -> None:
        rows = wanted.rows
        if table.packer is not None and not session.takes_bytes(table):
            pairs = zip(wanted.messages, rows, strict=True)
            rows = [decode(message) if isinstance(row, bytes) else row for message, row in pairs]
        identifier = session.load(table, rows)
        if identifier is not None:
            pairs = zip(wanted.messages, rows, strict=True)
            message = next(message for message, row in pairs if row[0] == identifier)
            raise ContradictionError(
                f"{place(message.topic, message.partition, message.offset)}: {table.name} has another row of identifier"
                f" {identifier}; an identifier stands for one content: compare both before going on"
            )

    def _widen(self, layouts: list[Layout]) -> None:
        """Lets the view `features_wide` follow the features."""
        if not layouts or layouts[-1] == self._layout or self._session is None:
            return
        try:
            self._session.connection.execute("SELECT refresh_features_wide(%s)", [list(layouts[-1].names)])
        except psycopg.Error as error:  # in use, dropped, or depended upon: only a convenience, the rows are stored
            _log.warning("the view features_wide stays as it is: %s", one_line(error))
        self._layout = layouts[-1]


def prepare(batch: Sequence[Message]) -> Prepared:
    """Decode ``batch``, which is in offset order within a partition; needs no database."""
    prepared = Prepared()
    parts: dict[tuple[str, int], list[Message]] = {}
    for message in batch:
        place = message.topic, message.partition
        if place in parts:
            parts[place].append(message)
        else:
            parts[place] = [message]
    for (topic, partition), messages in parts.items():
        _decode(TABLES[topic], messages, prepared)
        prepared.following[topic, partition] = messages[-1].offset + 1
    return prepared


def _decode(table: Table, messages: list[Message], prepared: Prepared) -> None:
    kept, rows = prepared.tables.setdefault(table, Rows([], []))
    layouts, packer = prepared.layouts.setdefault(table, []), table.packer
    for message in messages:
        packed = None if packer is None or message.value is None else packer.pack(message.value)
        if packed is not None:
            rows.append(packed)
            layout = None if packer is None else packer.layout
        else:
            try:
                row = decode(message)
            except DecodeError as error:
                prepared.rejected.add(Rows([message], [dead_letter(message, str(error))]))
                continue
            rows.append(row)
            layout = row[_LAYOUT] if table.packed else None
            if packer is not None and layout is not None:
                packer.learn(layout)
        if layout is not None and (not layouts or layout is not layouts[-1]):
            layouts[:] = [*(known for known in layouts if known != layout), layout]
        kept.append(message)


def _holder(connection: Connection) -> tuple[str, bool]:
    """Who holds the lock, and whether that one may write, as a store may."""
    query = """
        SELECT
            format('%%s of %%s, process %%s', application_name, usename, pid),
            coalesce(has_table_privilege(usesysid, to_regclass('stream_offsets'), 'UPDATE'), false)
        FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND datname = current_database()
            AND (classid::bigint << 32 | objid::bigint) = %s
        ORDER BY 2 DESC LIMIT 1"""
    return connection.execute(query, [_LOCK]).fetchone() or ("gone by now", True)


_ADVANCE: Final = """
    INSERT INTO stream_offsets AS kept (topic, partition, next_offset)
    SELECT * FROM unnest(%s::text[], %s::integer[], %s::bigint[])
    ON CONFLICT (topic, partition) DO UPDATE
    SET next_offset = greatest(kept.next_offset, EXCLUDED.next_offset), stored_at = now()"""
