"""External metrics and the macro calendar from files: CSV with a header, or a JSON object a line."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from schemas.market import CONTROL, METRICS, ExternalMetric, MacroEvent
from sources.errors import SourceError
from sources.history import nanoseconds
from sources.malformed import Malformed
from sources.tapes.files import Damage, OneFile

__all__ = ["Metrics", "MetricsError"]

Row = Mapping[str, Any]
Reading = ExternalMetric | MacroEvent
Record = TypeVar("Record", ExternalMetric, MacroEvent)

_PUBLISHED: Final = ("ts_event", "published", "ts_ms", "timestamp", "time", "ts", "date")
_RECEIVED: Final = ("ts_received", "received")
_JSON: Final = (".jsonl", ".jsonl.gz")
_object: Final = msgspec.json.Decoder(dict[str, Any])


class MetricsError(SourceError):
    """A file that cannot be used; names it and what is wrong with it."""


class Metrics(OneFile):
    """The rows of one file as records of the control key, by the time they are known; what is none is `Malformed`.

    A row has the time of its publication (``published``, ``time``, ``date`` or the like: s, ms, us or ns since 1970, or
    ISO 8601, UTC where it says no zone), and ``received`` if it was known only later. A metric has a ``value``, its
    name as ``metric`` unless the file holds one only, and maybe an ``asset``; an event has ``name``, ``scheduled`` and
    maybe ``cancelled``. Rows may stand in any order; the file is held in memory.

    Parameters
    ----------
    metric, asset
        Of rows that do not say it.

    Raises:
        MetricsError: on construction; columns that make neither, or a metric that nobody knows.
    """

    recorded: Final = False

    def __init__(self, path: Path, metric: str | None = None, asset: str | None = None) -> None:
        self._path, self._asset = path, asset
        if metric is not None and metric not in METRICS:
            raise MetricsError(f"metrics {metric}={path}: there is no such metric, only {', '.join(METRICS)}")
        super().__init__(path)
        self._metric = metric
        self._columns = None if path.name.endswith(_JSON) else self._header()

    def __iter__(self) -> Iterator[Reading | Malformed]:
        """The malformed rows, then the records."""
        records: list[Reading] = []
        number = 0
        try:
            for number, raw in enumerate(self._part.lines(), 1):
                if not raw.strip() or (number == 1 and self._columns is not None):
                    continue
                try:
                    records.append(self._record(self._row(raw)))
                except (ArithmeticError, KeyError, OSError, TypeError, ValueError, csv.Error) as error:
                    yield self._malformed(number, raw, _reason(error), records[-1:])
        except Damage as damage:
            yield self._malformed(number + 1, damage.rest, str(damage), records[-1:])
        records.sort(key=lambda record: record.ts_received)
        yield from records

    def _header(self) -> list[str]:
        try:
            line = next(self._part.lines(), b"")
        except Damage as error:
            raise MetricsError(f"metrics {self._path}: {error}") from error
        columns = [name.strip().lower() for name in next(csv.reader([line.decode("utf-8-sig", "replace")]), [])]
        if twice := [name for name in columns if name and columns.count(name) > 1]:
            raise MetricsError(f"metrics {self._path} has two columns {twice[0]}")
        named = self._metric is not None or "metric" in columns
        if not set(_PUBLISHED) & set(columns) or not (("value" in columns and named) or "scheduled" in columns):
            raise MetricsError(
                f"metrics {self._path} has the columns {', '.join(columns)[:200]}: it needs {' or '.join(_PUBLISHED)}, "
                "and value with metric (or METRIC=PATH), or name with scheduled"
            )
        return columns

    def _row(self, raw: bytes) -> Row:
        if self._columns is None:
            return _object.decode(raw)
        cells = next(csv.reader([raw.decode().rstrip("\r")]))
        if len(cells) != len(self._columns):
            raise ValueError(f"{len(cells)} cells, the header has {len(self._columns)}")
        return {name: cell for name, cell in zip(self._columns, cells, strict=True) if cell != ""}

    def _record(self, row: Row) -> Reading:
        published = _time(row[next((name for name in _PUBLISHED if name in row), _PUBLISHED[1])])
        received = next((_time(row[name]) for name in _RECEIVED if name in row), published)
        fields = {"instrument_id": CONTROL, "ts_event": published, "ts_received": received}
        if "scheduled" in row or "ts_scheduled" in row:
            scheduled = _time(row.get("scheduled", row.get("ts_scheduled")))
            cancelled = row.get("cancelled", False)
            return _checked(
                MacroEvent, fields | {"name": row["name"], "ts_scheduled": scheduled, "cancelled": cancelled}
            )
        metric = row["metric"] if self._metric is None else row.get("metric", self._metric)
        return _checked(
            ExternalMetric, fields | {"metric": metric, "value": row["value"], "asset": row.get("asset", self._asset)}
        )

    def _malformed(self, number: int, raw: bytes, reason: str, before: Sequence[Reading]) -> Malformed:
        at = before[0].ts_received if before else 0
        return Malformed(feed=str(self._path), offset=number, raw=raw, reason=reason, ts_received=at)


def _checked(kind: type[Record], fields: dict[str, Any]) -> Record:
    return msgspec.convert(fields, kind, strict=False)


def _time(cell: Any) -> int:
    """A number of s, ms, us or ns, or a text that is one or a time of ISO 8601."""
    if isinstance(cell, bool | float):
        raise TypeError(f"a time is a whole number or ISO 8601, not {cell!r}")
    return nanoseconds(cell)


def _reason(error: Exception) -> str:
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
