"""History as tables: bars, funding, open interest and liquidations of one instrument from CSV and Parquet files."""

import csv
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from pyarrow import ArrowException, parquet

from schemas.market import ExchangeBar, FundingRate, Liquidation, MarketEvent, OpenInterest
from schemas.time import TIMEFRAME_NS, Timeframe
from sources.errors import SourceError
from sources.malformed import Malformed
from sources.tapes.files import Damage, OneFile

__all__ = ["SUFFIXES", "History", "HistoryError", "nanoseconds"]

SUFFIXES: Final = (".csv", ".csv.gz", ".parquet")

Row = Mapping[str, Any]
Record = TypeVar("Record", bound=MarketEvent)

_TIME: Final = ("ts_ms", "timestamp", "open_time", "calc_time", "time", "ts")
_VENUE: Final = ("venue", "exchange")
_COIN: Final = ("coin", "base")
"""Columns of tables that hold several instruments: rows of others are passed over."""
_NAMES: Final = {
    "notional": ("notional", "quote_volume", "quote_asset_volume"),
    "trades": ("trades", "count", "number_of_trades"),
    "buy_volume": ("buy_volume", "taker_buy_volume", "taker_buy_base_asset_volume"),
    "rate": ("funding_rate", "last_funding_rate", "rate"),
    "open_interest": ("open_interest", "sum_open_interest"),
    "value": ("notional", "sum_open_interest_value"),
}
"""What columns are called elsewhere: in the files of data.binance.vision, of ccxt and of Kaggle."""
_SIDES: Final = {"s": "sell", "sell": "sell", "b": "buy", "buy": "buy"}
_UNITS: Final = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3))
"""A time below the first is counted in units of that many nanoseconds: seconds, milliseconds, microseconds."""


class HistoryError(SourceError):
    """A file that cannot be used; names it and what is wrong with it."""


class History(OneFile):
    """The rows of one file as records of the log, in their order; what is no record is `Malformed`. One pass.

    Which records they are, the columns say: ``open high low close volume`` are bars (their time is where they begin),
    ``funding_rate`` is funding, ``open_interest`` or ``sum_open_interest`` is open interest, ``side price size`` are
    liquidations. Where they tell a venue or a coin, rows of others than the instrument's are passed over. Times may be
    s, ms, us or ns since 1970. A record is received when it is known: a bar at its close.

    Raises:
        HistoryError: on construction; a file that cannot be read, or columns that are of no kind known here.
    """

    recorded: Final = False

    def __init__(self, path: Path, instrument_id: str, timeframe: Timeframe | None) -> None:
        super().__init__(path)
        self._path, self._instrument_id, self._timeframe = path, instrument_id, timeframe
        self._columns = self._header()
        self._time = self._first(_TIME, "a time")
        self._make = self._kind()
        venue, _, symbol = instrument_id.lower().partition(":")
        self._ours = {
            name: ours
            for names, ours in ((_VENUE, venue), (_COIN, symbol.partition("/")[0]))
            for name in names
            if name in self._columns
        }

    def __iter__(self) -> Iterator[MarketEvent | Malformed]:
        """The records."""
        at = 0
        for number, raw, row in self._rows():
            if any(str(row.get(name, ours)).lower() != ours for name, ours in self._ours.items()):
                continue
            try:
                record = self._make(row)
            except (ArithmeticError, KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
                yield self._malformed(number, raw, _reason(error), at)
                continue
            if record.ts_event < at:
                yield self._malformed(number, raw, f"{self._time} goes back: rows have to be in order of time", at)
                continue
            at = record.ts_event
            yield record

    def _rows(self) -> Iterator[tuple[int, bytes, Row]]:
        if self._path.suffix == ".parquet":
            yield from self._parquet_rows()
            return
        number = 1
        lines = self._part.lines()
        next(lines)
        try:
            for number, raw in enumerate(lines, 2):
                text = raw.decode(errors="replace").rstrip("\r")
                if text:
                    cells = text.split(",") if '"' not in text else next(csv.reader([text]))
                    yield number, raw, dict(zip(self._columns, cells, strict=False))
        except Damage as damage:
            yield number + 1, damage.rest, {}

    def _parquet_rows(self) -> Iterator[tuple[int, bytes, Row]]:
        number = 0
        with parquet.ParquetFile(self._path) as table:
            for batch in table.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield number, repr(row).encode(), row
                self._part.read = self._part.size * number // max(table.metadata.num_rows, 1)

    def _header(self) -> tuple[str, ...]:
        try:
            if self._path.suffix == ".parquet":
                with parquet.ParquetFile(self._path) as table:
                    return tuple(table.schema_arrow.names)
            line = next(self._part.lines(), b"")
        except (ArrowException, Damage, OSError) as error:
            raise HistoryError(f"history {self._path}: {error}") from error
        return tuple(name.strip().strip('"') for name in line.decode(errors="replace").rstrip("\r").split(","))

    def _kind(self) -> Callable[[Row], MarketEvent]:
        columns = set(self._columns)
        if {"open", "high", "low", "close", "volume"} <= columns:
            if self._timeframe is None:
                raise HistoryError(f"history {self._path} holds bars: say of which --timeframe")
            return self._bar
        if columns & set(_NAMES["rate"]):
            return self._funding
        if columns & set(_NAMES["open_interest"]):
            return self._interest
        if {"side", "price"} <= columns and columns & {"size", "size_usd"}:
            return self._liquidation
        raise HistoryError(
            f"history {self._path} has the columns {', '.join(self._columns)[:200]}: of bars it would have open, high, "
            "low, close and volume, else funding_rate, or open_interest, or side, price and size"
        )

    def _bar(self, row: Row) -> ExchangeBar:
        assert self._timeframe is not None
        begin = nanoseconds(row[self._time])
        close = begin + TIMEFRAME_NS[self._timeframe]
        optional = ((name, self._cell(row, name)) for name in ("notional", "trades", "buy_volume"))
        return self._record(
            ExchangeBar, row, close, ("open", "high", "low", "close", "volume"), timeframe=self._timeframe,
            ts_open=begin, **{name: value for name, value in optional if value not in {None, ""}},
        )  # fmt: skip

    def _funding(self, row: Row) -> FundingRate:
        return self._record(FundingRate, row, nanoseconds(row[self._time]), (), rate=self._cell(row, "rate"))

    def _interest(self, row: Row) -> OpenInterest:
        return self._record(
            OpenInterest, row, nanoseconds(row[self._time]), (), open_interest=self._cell(row, "open_interest"),
            notional=self._cell(row, "value"),
        )  # fmt: skip

    def _liquidation(self, row: Row) -> Liquidation:
        size = row["size"] if "size" in row else float(row["size_usd"]) / float(row["price"])
        side = _SIDES.get(str(row["side"]).lower(), row["side"])
        return self._record(Liquidation, row, nanoseconds(row[self._time]), ("price",), side=side, size=size)

    def _record(self, kind: type[Record], row: Row, ts: int, names: tuple[str, ...], **values: Any) -> Record:
        fields = {"instrument_id": self._instrument_id, "ts_event": ts, "ts_received": ts, **values}
        return msgspec.convert(fields | {name: row[name] for name in names}, kind, strict=False)

    def _cell(self, row: Row, field: str) -> Any:
        return next((row[name] for name in _NAMES[field] if name in row), None)

    def _first(self, names: tuple[str, ...], what: str) -> str:
        for name in names:
            if name in self._columns:
                return name
        raise HistoryError(f"history {self._path} has no column for {what}: {', '.join(names)}")

    def _malformed(self, number: int, raw: bytes, reason: str, at: int) -> Malformed:
        return Malformed(feed=str(self._path), offset=number, raw=raw, reason=reason, ts_received=at)


def nanoseconds(cell: Any) -> int:
    """A time in s, ms, us or ns, or one that a Parquet file holds as such."""
    if isinstance(cell, datetime):
        return round(cell.timestamp() * 1_000_000) * 1_000
    number = int(cell)
    return next((number * unit for bound, unit in _UNITS if abs(number) < bound), number)


def _reason(error: Exception) -> str:
    return f"column {error} is missing" if isinstance(error, KeyError) else str(error)
