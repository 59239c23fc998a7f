"""History as tables: bars, funding, open interest, ratios and liquidations of an instrument from CSV and Parquet."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from schemas.market import ExchangeBar, FundingRate, Liquidation, LongShortRatio, MarketEvent, OpenInterest
from schemas.time import HOUR, SECOND, TIMEFRAME_NS, Timeframe
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
_LONGEST: Final = 30 * 24
"""Hours of an interval that a row may tell."""
_LOOKED_AT: Final = 100
"""Rows from which it is told whether bars are of the timeframe that they are said to be of."""
_OFTEN: Final = 3
"""Steps of one length that are no chance."""
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
        HistoryError: on construction; a file that cannot be read, columns that are of no kind known here, bars of
            another timeframe, or rows of other instruments alone.
    """

    recorded: Final = False

    def __init__(
        self, path: Path, instrument_id: str, timeframe: Timeframe | None, span: tuple[int, int] = EVER
    ) -> None:
        super().__init__(path)
        self._timeframe, self._span = timeframe, span
        self.path, self.instrument_id = path, instrument_id
        self._columns = self._header()
        self._cells = {field: self._first(names) for field, names in _NAMES.items()}
        self._funded: int | None = None  # when the funding before was
        self._hours: list[int] = []  # to it, and the interval that is gone by
        self._bar_before: ExchangeBar | None = None
        self.beside: Sequence[History] = ()
        """Other tables of the instrument, which are read in step: of a time that several have, they have one bar."""
        self._time = self._column(_TIME, "a time")
        self._make = self._kind()
        venue, _, symbol = instrument_id.lower().partition(":")
        self._ours = {
            name: ours
            for names, ours in ((_VENUE, venue), (_COIN, symbol.partition("/")[0]))
            for name in names
            if name in self._columns
        }
        self._look()

    def __iter__(self) -> Iterator[MarketEvent | Malformed]:
        """The records."""
        (since, until), at = self._span, 0
        for number, raw, row in self._own():
            if isinstance(row, str):
                yield self._malformed(number, raw, row, at)
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

    @property
    def of_bars(self) -> bool:
        """Whether its rows are bars."""
        return self._make == self._bar

    def _own(self) -> Iterator[tuple[int, bytes, Row | str]]:
        """The rows that are of the instrument: line, bytes, cells or why there are none."""
        for line in self._rows():
            row = line[2]
            if isinstance(row, str) or all(str(row[name]).lower() == ours for name, ours in self._ours.items()):
                yield line

    def _look(self) -> None:
        """Refuse what would give wrong results, or none, without a word."""
        rows = [row for _, _, row in islice(self._own(), _LOOKED_AT) if not isinstance(row, str)]
        self._part.read = 0
        if self._ours and not rows and next(self._rows(), None) is not None:
            told = " and ".join(f"{name} {ours}" for name, ours in self._ours.items())
            raise HistoryError(f"history {self.path} has no row of {told}, which is what {self.instrument_id} says")
        if not self.of_bars or self._timeframe is None:
            return
        times = []
        for row in rows:
            with suppress(ValueError):
                times.append(self._moment(row))
        steps = Counter(later - before for before, later in pairwise(times) if later > before)
        ((step, count),) = steps.most_common(1) or ((0, 0),)
        if TIMEFRAME_NS[self._timeframe] not in steps and count >= _OFTEN:
            raise HistoryError(
                f"history {self.path} has rows {step / SECOND:g} s apart: no bars of --timeframe {self._timeframe}"
            )

    def _rows(self) -> Iterator[tuple[int, bytes, Row | str]]:
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
                    whole = len(cells) == len(self._columns)
                    wrong = f"{len(cells)} cells, the header has {len(self._columns)}"
                    yield number, raw, dict(zip(self._columns, cells, strict=True)) if whole else wrong
        except Damage as damage:
            yield number + 1, damage.rest, str(damage)

    def _parquet_rows(self) -> Iterator[tuple[int, bytes, Row | str]]:
        from sources.parquet_rows import UnreadableError, rows

        number = 0
        try:
            for some, share in rows(self.path):
                for row in some:
                    number += 1
                    yield number, repr(row).encode(), row
                self._part.read = int(self._part.size * share)
        except (UnreadableError, OSError) as error:
            yield number + 1, b"", f"the file can be read no further: {error}"

    def _header(self) -> tuple[str, ...]:
        if self.path.suffix == ".parquet":
            return self._distinct(self._parquet_columns())
        try:
            line = next(self._part.lines(), b"")
        except (Damage, OSError) as error:
            raise HistoryError(f"history {self.path}: {error}") from error
        return self._distinct([name.strip().strip('"') for name in line.decode("utf-8-sig", "replace").split(",")])

    def _parquet_columns(self) -> list[str]:
        from sources.parquet_rows import UnreadableError, columns

        try:
            return columns(self.path)
        except (UnreadableError, OSError) as error:
            raise HistoryError(f"history {self.path}: {error}") from error

    def _distinct(self, names: list[str]) -> tuple[str, ...]:
        if twice := [name for name, count in Counter(names).items() if name and count > 1]:
            raise HistoryError(f"history {self.path} has two columns {twice[0]}")
        return tuple(names)

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
        begin = self._moment(row)
        close = begin + TIMEFRAME_NS[self._timeframe]
        optional = ((name, self._cell(row, name)) for name in ("notional", "trades", "buy_volume"))
        bar, before = self._record(
            ExchangeBar, row, close, ("open", "high", "low", "close", "volume"), timeframe=self._timeframe,
            ts_open=begin, **{name: value for name, value in optional if value not in {None, ""}},
        ), self._bar_before  # fmt: skip
        if before is not None and before.ts_open == begin and before != bar:
            raise ValueError(f"{self._time} {row[self._time]} is that of the row before, whose bar is another")
        for other in self.beside:
            known = other._bar_before  # noqa: SLF001, one of our own
            if known is not None and known.ts_open == begin and _prices(known) != _prices(bar):
                raise ValueError(f"{self._time} {row[self._time]} is in {other.path} too, with another bar")
        self._bar_before = bar
        return (bar,)

    def _funding(self, row: Row) -> tuple[FundingRate]:
        ts, hours = self._moment(row), row.get("funding_interval_hours")
        before, self._funded = self._funded, ts
        if hours in {None, ""}:
            hours = self._interval(round((ts - before) / HOUR)) if before is not None else None
        elif not 0.0 < float(hours) <= _LONGEST:
            raise ValueError(f"funding_interval_hours {hours} is not above 0 and at most {_LONGEST}")
        interval = None if hours is None else round(float(hours) * HOUR)
        return (self._record(FundingRate, row, ts, (), rate=self._cell(row, "rate"), interval=interval, settled=True),)

    def _interval(self, hours: int) -> int | None:
        """In hours, where rows are so many apart: one step that is longer may be a row that is missing."""
        if hours not in _SETTLEMENTS:
            return None
        if not self._hours or hours == self._hours[0] or hours < self._hours[1]:
            self._hours = [hours, hours]
        self._hours[0] = hours
        return self._hours[1]

    def _positions(self, row: Row) -> tuple[MarketEvent, ...]:
        """Open interest, ratios of longs and shorts, or both; cells may be empty."""
        ts = self._moment(row)
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
        if not float(row["price"]) > 0.0:
            raise ValueError(f"price {row['price']} is not above 0")
        size = row["size"] if "size" in row else float(row["size_usd"]) / float(row["price"])
        side = _SIDES.get(str(row["side"]).lower(), row["side"])
        return (self._record(Liquidation, row, self._moment(row), ("price",), side=side, size=size),)

    def _record(self, kind: type[Record], row: Row, ts: int, names: tuple[str, ...], **values: Any) -> Record:
        fields = {"instrument_id": self.instrument_id, "ts_event": ts, "ts_received": ts, **values}
        return msgspec.convert(fields | {name: row[name] for name in names}, kind, strict=False)

    def _moment(self, row: Row) -> int:
        try:
            return nanoseconds(row[self._time])
        except ValueError as error:
            raise ValueError(f"{self._time} {error}") from error

    def _cell(self, row: Row, field: str) -> Any:
        name = self._cells[field]
        return None if name is None else row.get(name)

    def _first(self, names: tuple[str, ...]) -> str | None:
        return next((name for name in names if name in self._columns), None)

    def _column(self, names: tuple[str, ...], what: str) -> str:
        name = self._first(names)
        if name is not None:
            return name
        raise HistoryError(f"history {self.path} has no column for {what}: {', '.join(names)}")

    def _malformed(self, number: int, raw: bytes, reason: str, at: int) -> Malformed:
        return Malformed(feed=str(self.path), offset=number, raw=raw, reason=reason, ts_received=at)


def nanoseconds(cell: Any) -> int:
    """A time in s, ms, us or ns, one of ISO 8601 or one that a Parquet file holds as such; UTC if they say no zone.

    Raises:
        ValueError: it is none of them; says what it is.
    """
    try:
        return _counted(cell)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise ValueError(f"{str(cell)[:40]!r} is no time: {error}") from error


def _counted(cell: Any) -> int:
    if isinstance(cell, str) and not cell.strip().lstrip("-").isdecimal():
        cell = datetime.fromisoformat(cell.strip())
    if isinstance(cell, datetime):
        moment = cell if cell.tzinfo is not None else cell.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1_000_000) * 1_000
    number = int(cell)
    if not isinstance(cell, str) and number != cell:
        raise ValueError("it is no whole number")
    return next((number * unit for bound, unit in _UNITS if abs(number) < bound), number)


def _prices(bar: ExchangeBar) -> tuple[float, ...]:
    """What every table of bars of a timeframe has."""
    return bar.open, bar.high, bar.low, bar.close, bar.volume


def _reason(error: Exception) -> str:
    return f"column {error} is missing" if isinstance(error, KeyError) else str(error)
