"""The read queries of the store: what the API asks for, as the records that were stored.

Every function takes a connection of the caller, so one request is one transaction and sees one state. Lists come newest
first; a `Position` in such a list stays right while rows are added to it.
"""

from math import inf
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from psycopg.sql import SQL, Identifier

from schemas.market import InstrumentDefinition
from schemas.results import (
    Absence,
    Bar,
    BookSample,
    Context,
    FeatureRecord,
    Gap,
    GapKind,
    LevelProfile,
    ModelEvent,
    Vector,
)
from schemas.signals import Direction, Signal
from schemas.time import MICROSECOND, TIMEFRAMES, Timeframe
from sinks.statements import Condition, Connection, Position, columns, fetch, fetch_as, of_market, of_span, select

__all__ = [
    "BookMoment", "DriftLine", "InstrumentState", "Position", "SignalFilter", "SignalStatus", "Stored", "bars",
    "book_series", "drift_lines", "features", "gaps", "instrument_exists", "instruments", "latest_book",
    "level_profiles", "model_events", "newest_stored", "signal", "signals", "signals_after", "stored_seq",
]  # fmt: skip

SignalStatus = Literal["published", "candidates", "vetoed", "rejected", "expired"]
"""``published``: what a desk consumes; ``candidates``: all that was proposed; the others: candidates that ended so."""


class SignalFilter(Struct, frozen=True, kw_only=True):
    """Which signals; ``None`` leaves a condition out. ``since <= ts_event < until`` (ns, compared in microseconds)."""

    instrument_id: str | None = None
    timeframe: Timeframe | None = None
    direction: Direction | None = None
    strategy: str | None = None
    status: SignalStatus = "published"
    since: int | None = None
    until: int | None = None
    min_confidence: float | None = None


class BookMoment(Struct, frozen=True, kw_only=True):
    """One book sample in three figures."""

    ts_event: int
    mid: float | None
    """Of best bid and best ask; ``None`` where a side is empty."""
    imbalance: float | None
    stale: bool


class DriftLine(Struct, frozen=True, kw_only=True):
    """A measure of an input, of the probability or of outcomes of a model, over the last month that is stored."""

    feature: str
    measure: str
    """What is told of a day's closes has their timeframe behind it."""
    ts_close: int
    """Of the newest record, ns."""
    value: float
    threshold: float | None
    """``None``: it raises no alert by itself."""
    alerts: int
    last_alert: int | None
    """Close (ns) of the newest record with an alert."""
    values: list[float]
    """The newest ones, oldest first."""


class InstrumentState(Struct, frozen=True, kw_only=True):
    """A definition, and how far the stored results of the instrument reach."""

    definition: InstrumentDefinition
    timeframes: list[Timeframe]
    """Those that have bars, shortest first."""
    newest_close: int | None
    """``ts_close`` of the newest bar, ns."""
    newest_book: int | None
    """``ts_event`` of the newest book sample, ns."""
    stale: bool | None
    """Whether that sample's book was stale."""


class Stored(Struct, frozen=True):
    """A published signal and its place in the order of storing."""

    seq: int
    signal: Signal | None
    """``None``: the row is no signal as this version knows them."""


async def instrument_exists(connection: Connection, instrument_id: str) -> bool:
    """Whether a definition of the instrument is stored."""
    cursor = await connection.execute("SELECT 1 FROM instruments WHERE instrument_id = %s", (instrument_id,))
    return await cursor.fetchone() is not None


async def instruments(connection: Connection) -> list[InstrumentState]:
    """All instruments by identifier; one index probe an instrument and timeframe, however many rows there are."""
    fields = [field.name for field in msgspec.structs.fields(InstrumentDefinition)]
    query = SQL("""
        SELECT {fields}, b.timeframes, b.newest_close, k.newest_book, k.stale
        FROM instruments i
        CROSS JOIN LATERAL (
            SELECT max(n.ts_close) AS newest_close,
                   coalesce(array_agg(t.name ORDER BY t.place), '{{}}') AS timeframes
            FROM unnest(%s::text[]) WITH ORDINALITY AS t (name, place)
            CROSS JOIN LATERAL (
                SELECT ts_close FROM bars
                WHERE bars.instrument_id = i.instrument_id AND bars.timeframe = t.name ORDER BY time DESC LIMIT 1
            ) n
        ) b
        LEFT JOIN LATERAL (
            SELECT ts_event AS newest_book, stale FROM books
            WHERE books.instrument_id = i.instrument_id ORDER BY time DESC LIMIT 1
        ) k ON true
        ORDER BY i.instrument_id
    """).format(fields=SQL(", ").join(Identifier("i", name) for name in fields))
    return [
        msgspec.convert({**row, "definition": {name: row[name] for name in fields}}, InstrumentState)
        for row in await fetch(connection, query, (list(TIMEFRAMES),))
    ]


async def signals(
    connection: Connection, chosen: SignalFilter, *, limit: int, after: Position | None = None
) -> list[Signal]:
    """Signals by (``ts_event``, identifier), newest first, those behind ``after``."""
    query, values = select(
        Signal,
        "signals" if chosen.status == "published" else "candidates",
        [
            ("instrument_id = %(instrument_id)s", {"instrument_id": chosen.instrument_id}),
            ("timeframe = %(timeframe)s", {"timeframe": chosen.timeframe}),
            ("direction = %(direction)s", {"direction": chosen.direction}),
            ("strategy = %(strategy)s", {"strategy": chosen.strategy}),
            ("status = %(status)s", {"status": None if chosen.status == "candidates" else chosen.status}),
            ("confidence >= %(min_confidence)s", {"min_confidence": chosen.min_confidence}),
            *of_span(chosen.since, chosen.until, after),
        ],
    )
    return await fetch_as(connection, query + SQL("ORDER BY time DESC, id DESC LIMIT %(limit)s"), values, limit, Signal)


async def signal(connection: Connection, identifier: str) -> Signal | None:
    """The signal of this identifier (a UUID), published or only a candidate."""
    for table in ("signals", "candidates"):
        query, values = select(Signal, table, [("id = %(id)s", {"id": identifier})])
        for found in await fetch_as(connection, query + SQL("LIMIT %(limit)s"), values, 1, Signal):
            return found
    return None


async def bars(
    connection: Connection,
    instrument_id: str,
    timeframe: Timeframe,
    *,
    limit: int,
    since: int | None = None,
    until: int | None = None,
    after: Position | None = None,
) -> list[Bar]:
    """The latest revision of each bar with ``since <= ts_close < until``, newest first."""
    query, values = select(
        Bar,
        "bars",
        [*of_market(instrument_id, timeframe), *of_span(since, until, after, unique_time=True)],
        distinct=SQL("DISTINCT ON (time) "),
    )
    return await fetch_as(
        connection, query + SQL("ORDER BY time DESC, revision DESC LIMIT %(limit)s"), values, limit, Bar
    )


async def features(
    connection: Connection,
    instrument_id: str,
    timeframe: Timeframe,
    *,
    limit: int,
    since: int | None = None,
    until: int | None = None,
    after: Position | None = None,
    context: bool = False,
) -> list[FeatureRecord]:
    """Vectors, and absences where there is none, with ``since <= ts_close < until``, newest first.

    With ``context`` each vector holds the features of its context as well, if that is stored.
    """
    conditions = [*of_market(instrument_id, timeframe), *of_span(since, until, after)]
    query, values = select(Vector, "features", conditions, also=("reason",))
    rows = await fetch(
        connection, query + SQL("ORDER BY time DESC, id DESC LIMIT %(limit)s"), {**values, "limit": limit}
    )
    if context and rows:
        span = of_span(rows[-1]["ts_close"], rows[0]["ts_close"] + MICROSECOND, None)
        query, values = select(Context, "contexts", [*of_market(instrument_id, timeframe), *span])
        around = {row["ts_close"]: row for row in await fetch(connection, query, values)}
        for row in rows:
            if row["features"] is not None and row["ts_close"] in around:
                row["features"] |= around[row["ts_close"]]["features"]
                row["tainted"] |= around[row["ts_close"]]["tainted"]
    return [_feature_record(row) for row in rows]


async def latest_book(connection: Connection, instrument_id: str) -> BookSample | None:
    """The newest sample, if there is one."""
    query, values = select(BookSample, "books", of_market(instrument_id))
    found = await fetch_as(connection, query + SQL("ORDER BY time DESC LIMIT %(limit)s"), values, 1, BookSample)
    return found[0] if found else None


async def book_series(
    connection: Connection, instrument_id: str, *, limit: int, since: int | None = None
) -> list[BookMoment]:
    """Mid and imbalance of the newest samples with ``since <= ts_event``, newest first."""
    query = SQL("""
        SELECT ts_event, (bid_prices[1] + ask_prices[1]) / 2 AS mid, imbalance, stale FROM books
        WHERE instrument_id = %(instrument_id)s AND time >= ns_to_time(%(since)s)
        ORDER BY time DESC LIMIT %(limit)s
    """)
    return await fetch_as(connection, query, {"instrument_id": instrument_id, "since": since or 0}, limit, BookMoment)


async def level_profiles(
    connection: Connection, instrument_id: str, *, every: int, limit: int, since: int | None = None
) -> list[LevelProfile]:
    """Those of the last ``limit`` closes of ``every`` ns with ``since <= ts_close``, newest first."""
    closes: Condition = ("ts_close %% %(every)s = 0", {"every": every})
    # No index knows of such closes: without a bound all of a history would be read to find as many.
    newest: Condition = (
        "time > (SELECT max(time) FROM levels WHERE instrument_id = %(instrument_id)s) - %(us)s * interval '1 us'",
        {"us": limit * every // MICROSECOND},
    )
    conditions = [*of_market(instrument_id), *of_span(since, None, None), closes, newest]
    query, values = select(LevelProfile, "levels", conditions)
    query += SQL("ORDER BY time DESC LIMIT %(limit)s")
    return await fetch_as(connection, query, values, limit, LevelProfile)


async def gaps(
    connection: Connection,
    *,
    limit: int,
    instrument_id: str | None = None,
    kind: GapKind | None = None,
    since: int | None = None,
    until: int | None = None,
    after: Position | None = None,
) -> list[Gap]:
    """The integrity ledger by (``ts_end``, identifier), newest first."""
    query, values = select(
        Gap, "gaps", [*of_market(instrument_id), ("kind = %(kind)s", {"kind": kind}), *of_span(since, until, after)]
    )
    return await fetch_as(connection, query + SQL("ORDER BY time DESC, id DESC LIMIT %(limit)s"), values, limit, Gap)


async def model_events(connection: Connection, *, limit: int, serving: bool = False) -> list[ModelEvent]:
    """The changelog of models, newest first; ``serving``: only the activation of each model that serves now."""
    table = SQL("model_events")
    if serving:
        table = SQL("""(SELECT * FROM (
            SELECT DISTINCT ON (model) * FROM model_events WHERE event IN ('activated', 'deactivated')
            ORDER BY model, time DESC, stored_at DESC
        ) newest WHERE event = 'activated') AS served""")
    query = SQL("SELECT {columns} FROM {table} ORDER BY time DESC, id DESC LIMIT %(limit)s").format(
        columns=columns(ModelEvent), table=table
    )
    return await fetch_as(connection, query, {}, limit, ModelEvent)


async def drift_lines(connection: Connection, model: str) -> list[DriftLine]:
    """What is stored of the drift of ``model``, furthest from its threshold first; what has none comes last."""
    query = SQL("""
        SELECT feature, measure || CASE WHEN right(measure, 4) = '_day' THEN ' ' || timeframe ELSE '' END AS measure,
               max(ts_close) AS ts_close, (array_agg(value ORDER BY time DESC))[1] AS value,
               (array_agg(threshold ORDER BY time DESC))[1] AS threshold, count(*) FILTER (WHERE alert) AS alerts,
               max(ts_close) FILTER (WHERE alert) AS last_alert,
               (array_agg(value ORDER BY time DESC))[1:%(points)s] AS values
        FROM drift
        WHERE instrument_id = %(id)s
          AND time > (SELECT max(time) FROM drift WHERE instrument_id = %(id)s) - interval '30 days'
        GROUP BY 1, 2
    """)
    rows = await fetch(connection, query, {"id": f"model:{model}", "points": _POINTS})
    lines = [msgspec.convert({**row, "values": row["values"][::-1]}, DriftLine) for row in rows]
    return sorted(lines, key=lambda line: (-_beyond(line), line.feature, line.measure))


async def newest_stored(connection: Connection) -> tuple[int, str] | None:
    """Place and identifier of the published signal that was stored last."""
    cursor = await connection.execute("SELECT seq, signal_id::text FROM signal_order ORDER BY seq DESC LIMIT 1")
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else None


async def stored_seq(connection: Connection, signal_id: str) -> int | None:
    """The place of a published signal in the order of storing; ``None`` if there is no such signal."""
    cursor = await connection.execute("SELECT seq FROM signal_order WHERE signal_id = %s::uuid", (signal_id,))
    row = await cursor.fetchone()
    return None if row is None else int(row[0])


async def signals_after(connection: Connection, seq: int, *, limit: int) -> list[Stored]:
    """Published signals in the order of storing, those behind ``seq``: none is ever added before one that was seen."""
    query = SQL("""
        SELECT seq, {columns} FROM (
            SELECT seq, signal_id, time AS at FROM signal_order WHERE seq > %(seq)s ORDER BY seq LIMIT %(limit)s
        ) place JOIN signals ON id = signal_id AND time = at ORDER BY seq
    """).format(columns=columns(Signal))
    rows = await fetch(connection, query, {"seq": seq, "limit": limit})
    return [Stored(row["seq"], _signal(row)) for row in rows]


_POINTS: Final = 60


def _beyond(line: DriftLine) -> float:
    return line.value / line.threshold if line.threshold else -inf


def _signal(row: dict[str, Any]) -> Signal | None:
    try:
        return msgspec.convert(row, Signal)
    except msgspec.ValidationError:
        return None


def _feature_record(row: dict[str, Any]) -> FeatureRecord:
    return msgspec.convert(row, Vector) if row["reason"] is None else msgspec.convert(row, Absence)
