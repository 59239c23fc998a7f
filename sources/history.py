"""History as tables: bars, funding, open interest, ratios and liquidations of an instrument from CSV and Parquet."""

import csv
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from pyarrow import ArrowException, parquet

from schemas.market import ExchangeBar, FundingRate, Liquidation, LongShortRatio, MarketEvent, OpenInterest
from schemas.time import HOUR, TIMEFRAME_NS, Timeframe
from sources.errors import SourceError
from sources.malformed import Malformed
from sources.tapes.files import Damage, OneFile

__all__ = ["EVER", "SUFFIXES", "History", "HistoryError", "nanoseconds"]

EVER: Final = (0, 2**63 - 1)
SUFFIXES: Final = (".csv", ".csv.gz", ".parquet")

Row = Mapping[str, Any]
Record = TypeVar("Record", bound=MarketEvent)

_TIME: Final = ("ts_ms", "timestamp", "open_time", "calc_time", "create_time", "time", "ts")
_VENUE: Final = ("venue", "exchange")
_COIN: Final = ("coin", "base")
"""Columns of tables that hold several instruments: rows of others are passed over."""
_NAMES: Final = {
    "notional": ("notional", "quote_volume", "quote_asset_volume"),
    "trades": ("trades", "count", "number_of_trades"),
    "buy_volume": ("buy_volume", "taker_buy_volume", "taker_buy_base_asset_volume"),
    "rate": ("funding_rate", "last_funding_rate", "rate"),
    "open_interest": ("open_interest", "sum_open_interest"),
    "value": ("notional", "sum_open_interest_value", "open_interest_value", "oi_usd"),
    "accounts": ("long_short_ratio", "longShortRatio", "count_long_short_ratio"),
    "top_accounts": ("top_accounts_ratio", "count_toptrader_long_short_ratio"),
    "top_positions": ("top_positions_ratio", "sum_toptrader_long_short_ratio"),
    "taker_volume": ("taker_volume_ratio", "sum_taker_long_short_vol_ratio"),
}
"""What columns are called elsewhere: in the files of data.binance.vision, of ccxt and of Kaggle."""
_RATIOS: Final = ("accounts", "top_accounts", "top_positions", "taker_volume")
_SETTLEMENTS: Final = range(1, 9)
"""Hours from one to the next; longer ones between two rows are a hole in the file."""
_SIDES: Final = {"s": "sell", "sell": "sell", "b": "buy", "buy": "buy"}
_UNITS: Final = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3))
"""A time below the first is counted in units of that many nanoseconds: seconds, milliseconds, microseconds."""


class HistoryError(SourceError):
    """A file that cannot be used; names it and what is wrong with it."""


class History(OneFile):
    """The rows of one file as records of the log, in their order; what is no record is `Malformed`. One pass.

    Which records they are, the columns say: ``open high low close volume`` are bars (their time is where they begin),
    ``funding_rate`` is funding, ``open_interest`` is open interest (``oi_usd`` its value, where that alone is told),
    ``long_short_ratio`` and its like are ratios, ``side price size`` are liquidations. So are the names that the files
    of data.binance.vision have for them, and its ``metrics``, where open interest and ratios stand in one row. Where
    columns tell a venue or a coin, rows of others than the instrument's are passed over. Times may be s, ms, us or ns
    since 1970, or ISO 8601, UTC where they say no zone. A record is received when it is known: a bar at its close.

    Parameters
    ----------
    span
        Only what is known after the first time and up to the second (ns).

    Raises:
        HistoryError: on construction; a file that cannot be read, or columns that are of no kind known here.
    """

    recorded: Final = False

    def __init__(
        self, path: Path, instrument_id: str, timeframe: Timeframe | None, span: tuple[int, int] = EVER
    ) -> None:
        super().__init__(path)
        self._timeframe, self._span = timeframe, span
        self.path, self.instrument_id = path, instrument_id
        self._columns = self._header()
        self._funded: int | None = None  # when the funding before was
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
        (since, until), at = self._span, 0
        for number, raw, row in self._rows():
            if any(str(row.get(name, ours)).lower() != ours for name, ours in self._ours.items()):
                continue
            try:
                records = self._make(row)
            except (ArithmeticError, KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
                yield self._malformed(number, raw, _reason(error), at)
                continue
            if records[0].ts_event < at:
                yield self._malformed(number, raw, f"{self._time} goes back: rows have to be in order of time", at)
                continue
            at = records[0].ts_event
            if at > until:
                break
            if at > since:
                yield from records

    def _rows(self) -> Iterator[tuple[int, bytes, Row]]:
        if self.path.suffix == ".parquet":
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
        with parquet.ParquetFile(self.path) as table:
            for batch in table.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield number, repr(row).encode(), row
                self._part.read = self._part.size * number // max(table.metadata.num_rows, 1)

    def _header(self) -> tuple[str, ...]:
        try:
            if self.path.suffix == ".parquet":
                with parquet.ParquetFile(self.path) as table:
                    return tuple(table.schema_arrow.names)
            line = next(self._part.lines(), b"")
        except (ArrowException, Damage, OSError) as error:
            raise HistoryError(f"history {self.path}: {error}") from error
        return tuple(name.strip().strip('"') for name in line.decode(errors="replace").rstrip("\r").split(","))

    def _kind(self) -> Callable[[Row], tuple[MarketEvent, ...]]:
        columns = set(self._columns)
        if {"open", "high", "low", "close", "volume"} <= columns:
            if self._timeframe is None:
                raise HistoryError(f"history {self.path} holds bars: say of which --timeframe")
            return self._bar
        if columns & set(_NAMES["rate"]):
            return self._funding
        if columns & {name for field in ("open_interest", "value", *_RATIOS) for name in _NAMES[field]} - {"notional"}:
            return self._positions
        if {"side", "price"} <= columns and columns & {"size", "size_usd"}:
            return self._liquidation
        raise HistoryError(
            f"history {self.path} has the columns {', '.join(self._columns)[:200]}: of bars it would have open, high, "
            "low, close and volume, else funding_rate, or open_interest or long_short_ratio, or side, price and size"
        )

    def _bar(self, row: Row) -> tuple[ExchangeBar]:
        assert self._timeframe is not None
        begin = nanoseconds(row[self._time])
        close = begin + TIMEFRAME_NS[self._timeframe]
        optional = ((name, self._cell(row, name)) for name in ("notional", "trades", "buy_volume"))
        return (self._record(
            ExchangeBar, row, close, ("open", "high", "low", "close", "volume"), timeframe=self._timeframe,
            ts_open=begin, **{name: value for name, value in optional if value not in {None, ""}},
        ),)  # fmt: skip

    def _funding(self, row: Row) -> tuple[FundingRate]:
        ts, hours = nanoseconds(row[self._time]), row.get("funding_interval_hours")
        before, self._funded = self._funded, ts
        if hours in {None, ""}:
            hours = round((ts - before) / HOUR) if before is not None else None
            hours = hours if hours in _SETTLEMENTS else None
        interval = None if hours is None else int(hours) * HOUR
        return (self._record(FundingRate, row, ts, (), rate=self._cell(row, "rate"), interval=interval),)

    def _positions(self, row: Row) -> tuple[MarketEvent, ...]:
        """Open interest, ratios of longs and shorts, or both; cells may be empty."""
        ts = nanoseconds(row[self._time])
        found = {name: self._cell(row, name) for name in ("open_interest", "value", *_RATIOS)}
        told = {name: cell for name, cell in found.items() if cell not in {None, ""}}
        interest, value = told.pop("open_interest", None), told.pop("value", None)
        records: list[MarketEvent] = []
        if interest is not None:
            records.append(self._record(OpenInterest, row, ts, (), open_interest=interest, notional=value))
        elif value is not None:
            records.append(self._record(OpenInterest, row, ts, (), open_interest=value, notional=value, in_quote=True))
        if told or not records:
            records.append(self._record(LongShortRatio, row, ts, (), **told))
        return tuple(records)

    def _liquidation(self, row: Row) -> tuple[Liquidation]:
        size = row["size"] if "size" in row else float(row["size_usd"]) / float(row["price"])
        side = _SIDES.get(str(row["side"]).lower(), row["side"])
        return (self._record(Liquidation, row, nanoseconds(row[self._time]), ("price",), side=side, size=size),)

    def _record(self, kind: type[Record], row: Row, ts: int, names: tuple[str, ...], **values: Any) -> Record:
        fields = {"instrument_id": self.instrument_id, "ts_event": ts, "ts_received": ts, **values}
        return msgspec.convert(fields | {name: row[name] for name in names}, kind, strict=False)

    def _cell(self, row: Row, field: str) -> Any:
        return next((row[name] for name in _NAMES[field] if name in row), None)

    def _first(self, names: tuple[str, ...], what: str) -> str:
        for name in names:
            if name in self._columns:
                return name
        raise HistoryError(f"history {self.path} has no column for {what}: {', '.join(names)}")

    def _malformed(self, number: int, raw: bytes, reason: str, at: int) -> Malformed:
        return Malformed(feed=str(self.path), offset=number, raw=raw, reason=reason, ts_received=at)


def nanoseconds(cell: Any) -> int:
    """A time in s, ms, us or ns, one of ISO 8601 or one that a Parquet file holds as such; UTC if they say no zone."""
    if isinstance(cell, str) and not cell.strip().lstrip("-").isdecimal():
        cell = datetime.fromisoformat(cell.strip())
    if isinstance(cell, datetime):
        moment = cell if cell.tzinfo is not None else cell.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1_000_000) * 1_000
    number = int(cell)
    return next((number * unit for bound, unit in _UNITS if abs(number) < bound), number)


def _reason(error: Exception) -> str:
    return f"column {error} is missing" if isinstance(error, KeyError) else str(error)
