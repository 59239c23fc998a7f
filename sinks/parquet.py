"""A topic's records as a Parquet file for research: one row a record, one column a field.

Integers are int64, numbers float64, lists of plain values Arrow lists; what is nested deeper is its JSON as text. The
features of a vector are a column each, in the order of their first appearance. The same records give the same bytes.
"""

from collections.abc import Callable, Container, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
from msgspec import Struct, inspect
from pyarrow import parquet

from schemas.codec import encode
from schemas.topics import BY_NAME
from sinks.errors import SinkError

__all__ = ["ROWS", "write_parquet"]

ROWS: Final = 20_000
"""Of a row group; as many are in memory at once."""

_PLAIN: Final[dict[type[inspect.Type], pa.DataType]] = {
    inspect.StrType: pa.string(),
    inspect.LiteralType: pa.string(),
    inspect.BoolType: pa.bool_(),
    inspect.IntType: pa.int64(),
    inspect.FloatType: pa.float64(),
}
_FEATURES: Final = "features"
_NONE: Final[Mapping[str, float]] = {}


class _Column(Struct, frozen=True):
    name: str
    kind: pa.DataType
    value: Callable[[Any], Any]
    """Of a record."""


def write_parquet(path: Path, topic: str, records: Callable[[], Iterator[bytes]]) -> None:
    """Write what ``records()`` gives, encoded records of ``topic``, to ``path``; it is gone through twice.

    Raises:
        SinkError: a number is too large for its column.
    """
    decoder = msgspec.json.Decoder(BY_NAME[topic].record)
    columns = _columns(BY_NAME[topic].record, lambda: map(decoder.decode, records()))
    schema = pa.schema([(column.name, column.kind) for column in columns])
    rows = map(decoder.decode, records())
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(rows, ROWS)):
            try:
                arrays = [pa.array(map(column.value, group), column.kind) for column in columns]
            except (OverflowError, pa.ArrowException) as error:
                raise SinkError(f"{topic}: a value does not fit its Parquet column: {error}") from error
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _columns(record: Any, rows: Callable[[], Iterator[Any]]) -> list[_Column]:
    fields = {field.name: field for struct in _structs(record) for field in struct.fields}
    columns = [_Column("type", pa.string(), lambda row: row.__struct_config__.tag)]
    for name, field in fields.items():
        if name == _FEATURES:
            features = dict.fromkeys(feature for row in rows() for feature in getattr(row, _FEATURES, ()))
            columns += [_feature(feature, fields) for feature in features]
        else:
            columns.append(_column(field))
    return columns


def _structs(record: Any) -> list[inspect.StructType]:
    found = inspect.type_info(record)
    members = found.types if isinstance(found, inspect.UnionType) else (found,)
    return [member for member in members if isinstance(member, inspect.StructType)]


def _column(field: inspect.Field) -> _Column:
    name, kind = field.name, _arrow(field.type)
    if kind is None:
        return _Column(name, pa.string(), lambda row: _text(getattr(row, name, None)))
    return _Column(name, kind, lambda row: getattr(row, name, None))


def _feature(feature: str, fields: Container[str]) -> _Column:
    name = f"feature_{feature}" if feature in fields or feature == "type" else feature
    return _Column(name, pa.float64(), lambda row: getattr(row, _FEATURES, _NONE).get(feature))


def _arrow(kind: inspect.Type) -> pa.DataType | None:
    """``None`` for what only JSON can hold."""
    if isinstance(kind, inspect.Metadata):
        return _arrow(kind.type)
    if isinstance(kind, inspect.UnionType):
        (kind,) = (member for member in kind.types if not isinstance(member, inspect.NoneType))
        return _arrow(kind)
    if isinstance(kind, inspect.ListType):
        items = _arrow(kind.item_type)
        return None if items is None else pa.list_(items)
    return _PLAIN.get(type(kind))


def _text(value: Any) -> str | None:
    return None if value is None else encode(value).decode()
