"""How many rows a second the store moves from the topics into TimescaleDB, and what the database takes at all."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import psycopg
from confluent_kafka import Consumer, TopicPartition
from msgspec import Struct
from psycopg.sql import SQL, Identifier

from benchmarks.broker import Stage, send
from benchmarks.context import Context
from benchmarks.data import Written
from benchmarks.figures import Figure, of_runs
from schemas.codec import encode
from schemas.identifiers import derive
from schemas.partitioner import partition_for
from schemas.results import Bar, Drift
from sinks.migrate import migrate
from sinks.tables import TABLES
from tests.integration.timescale_fixtures import new_database
from tests.integration.timescale_server import TimescaleServer, fetch

__all__ = ["NAME", "measure"]

NAME: Final = "store"
_ENGINE: Final = ("features.books", "features.bars", "features.vectors", "features.context")
_NARROW: Final = "quality.drift"
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class _Work(Struct, frozen=True):
    """Of one run, a row."""

    seconds: float
    """Once rows flow."""
    client: float
    """CPU seconds of whoever brings the rows."""
    server: float
    """CPU seconds of the database."""
    whole: float = 0.0
    """Seconds from connecting to the last commit."""


def measure(context: Context) -> list[Figure]:
    """The engine's own results, repeated under other identifiers until there are enough."""
    at = context.stage(30, 100.0 if context.quick else 400.0, history=60)
    context.engine(at)
    records = {topic: list(_read(at, topic)) for topic in _ENGINE}
    narrow = {_NARROW: [_drift(bar) for bar in records["features.bars"]]}
    sets = [narrow, *({topic: found} for topic, found in records.items()), records]
    with TimescaleServer(fetch()) as server:
        return [figure for one in sets for figure in _figures(context, server, one)]


def _figures(context: Context, server: TimescaleServer, records: dict[str, list[Written]]) -> list[Figure]:
    wanted = 60_000 if context.quick and len(records) == 1 else 300_000
    at = context.empty((), 0)
    whole = sum(map(len, records.values()))
    count = 0
    for topic, found in records.items():
        count += send(at.broker.client, _repeated(found, wanted // whole + 1), topic, header="id")
    stored, plain = [], []
    for _ in range(min(context.runs, 3)):
        with new_database(server.dsn) as dsn, new_database(server.dsn) as other:
            migrate(dsn)
            migrate(other)
            before = _cpu(server.pid)
            done = context.job("store", at, dsn=dsn)
            if done.messages != count:
                raise RuntimeError(f"{done.messages} rows were stored of {count}")
            work = (_cpu(server.pid) - before) / count
            stored.append(_Work(_flowing(dsn, list(records)), done.cpu / count, work, done.seconds / count))
            plain.append(_plain(server, dsn, other, list(records), count))
    mixed = len(records) > 1
    name = "as the engine writes them" if mixed else TABLES[next(iter(records))].name
    target = {"at_least": 100.0} if mixed else {}
    rates = [0.001 / work.seconds for work in stored]
    starting = [0.001 / work.whole for work in stored]
    waits = [count * (work.whole - work.seconds) for work in stored]
    ratios = [alone.seconds / work.seconds for work, alone in zip(stored, plain, strict=True)]
    shares = [alone.server / work.server for work, alone in zip(stored, plain, strict=True)]
    figures = [
        of_runs(NAME, f"rows of {name}", rates, "thousand rows/s", **target),
        of_runs(NAME, f"{name}: from connecting to the end", starting, "thousand rows/s"),
        of_runs(NAME, f"{name}: connecting and last transaction", waits, "s"),
        of_runs(NAME, f"{name}: CPU of the store", [1e6 * work.client for work in stored], "µs/row"),
        of_runs(NAME, f"{name}: CPU of the database", [1e6 * work.server for work in stored], "µs/row"),
        of_runs(NAME, f"{name}: plain COPY", [0.001 / work.seconds for work in plain], "thousand rows/s"),
        of_runs(NAME, f"{name}: plain COPY, CPU of the database", [1e6 * work.server for work in plain], "µs/row"),
        of_runs(NAME, f"{name}: store / plain COPY", ratios, "ratio"),
        of_runs(NAME, f"{name}: store / plain COPY, by CPU of the database", shares, "ratio"),
    ]
    for figure in figures:
        context.say(f"{figure.name}: {figure.value:,.2f} {figure.unit}")
    return figures


def _flowing(dsn: str, topics: list[str]) -> float:
    """Seconds a row from the begin of the first transaction to that of the last."""
    tables = SQL(" UNION ALL ").join(
        SQL("SELECT stored_at FROM {}").format(Identifier(TABLES[topic].relation)) for topic in topics
    )
    query = SQL("""
        WITH stored AS ({}), bounds AS (SELECT min(stored_at) AS first, max(stored_at) AS last FROM stored)
        SELECT extract(epoch FROM last - first)::float8 / count(*) FROM stored, bounds WHERE stored_at < last
        GROUP BY first, last""").format(tables)
    with psycopg.connect(dsn) as connection:
        seconds = connection.execute(query).fetchone()
    assert seconds is not None, "all rows were stored by one transaction"
    return float(seconds[0])


def _plain(server: TimescaleServer, source: str, target: str, topics: list[str], count: int) -> _Work:
    """The rows of ``source`` into the same tables of ``target``, by a COPY a table of bytes that are ready."""
    seconds = client = work = 0.0
    for table in [TABLES[topic] for topic in topics]:
        columns = SQL(", ").join(map(Identifier, [*table.columns, *(["time"] if table.time else [])]))
        names = {"table": Identifier(table.relation), "columns": columns}
        read = SQL("COPY (SELECT {columns} FROM {table}) TO STDOUT (FORMAT binary)").format(**names)
        write = SQL("COPY {table} ({columns}) FROM STDIN (FORMAT binary)").format(**names)
        with psycopg.connect(source) as reader, reader.cursor() as cursor, cursor.copy(read) as copy:
            rows = [bytes(piece) for piece in copy]
        before, began, at = _cpu(server.pid), time.monotonic(), time.process_time()
        with psycopg.connect(target) as writer, writer.cursor() as cursor, cursor.copy(write) as copy:
            for first in range(0, len(rows), 500):
                copy.write(b"".join(rows[first : first + 500]))
        seconds, client = seconds + time.monotonic() - began, client + time.process_time() - at
        work += _cpu(server.pid) - before
    return _Work(seconds / count, client / count, work / count)


def _cpu(pid: int) -> float:
    """Seconds of a server's processes, those among its children that have ended too."""
    ticks = 0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if entry.parent.name == str(pid):
            ticks += sum(map(int, fields[11:15]))
        elif fields[1] == str(pid):
            ticks += sum(map(int, fields[11:13]))
    return ticks / _TICKS


def _drift(bar: Written) -> Written:
    """A narrow row, with the key and time of a bar."""
    of = msgspec.json.decode(bar.value, type=Bar)
    record = Drift(
        id=derive("drift", of.id), instrument_id=of.instrument_id, timeframe=of.timeframe, feature="rsi_14",
        ts_close=of.ts_close, measure="psi", value=0.05, threshold=0.25,
    )  # fmt: skip
    return Written(bar.key, bar.partition, encode(record), bar.ts_received, record.id.encode())


def _read(at: Stage, topic: str) -> Iterator[Written]:
    consumer = Consumer({"bootstrap.servers": at.bootstrap, "group.id": "read", "enable.auto.commit": False})
    numbers = consumer.list_topics(topic, 10).topics[topic].partitions
    places = [TopicPartition(topic, number) for number in numbers]
    left = 0
    for place in places:
        place.offset, end = consumer.get_watermark_offsets(place, 10)
        left += end - place.offset
    consumer.assign(places)
    while left > 0:
        for message in consumer.consume(1_000, 0.2):
            left -= 1
            key = (message.key() or b"").decode()
            identifier = dict(message.headers() or [])["id"]
            assert isinstance(identifier, bytes)
            yield Written(key, message.partition() or 0, message.value() or b"", message.timestamp()[1], identifier)
    consumer.close()


def _repeated(records: list[Written], times: int) -> Iterator[Written]:
    """Under a new instrument and a new identifier each time."""
    for number in range(times):
        for record in records:
            name = f"{record.key}:{number}"
            new = derive("bench", record.kind.decode(), number).encode()
            value = record.value.replace(record.kind, new, 1).replace(record.key.encode(), name.encode(), 1)
            yield Written(name, partition_for(name, 12), value, record.ts_received * 1_000_000, new)
