"""A topic's records as a Parquet file for research: one row a record, one column a field.

Integers are int64, numbers float64, lists of plain values Arrow lists; what is nested deeper is its JSON as text. The
features of a vector are a column each, in the order of their first appearance. The same records give the same bytes.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
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

ROWS: Final = 10_000
"""Of a row group; as many are in memory at once."""

_PLAIN: Final[dict[type[inspect.Type], pa.DataType]] = {
    inspect.StrType: pa.string(),
    inspect.LiteralType: pa.string(),
    inspect.BoolType: pa.bool_(),
    inspect.IntType: pa.int64(),
    inspect.FloatType: pa.float64(),
}
_FEATURES: Final = "features"


class _Columns(Struct, frozen=True):
    """What a field of the record becomes."""

    schema: "list[pa.Field[Any]]"  # pyarrow's types take no parameters at run time
    arrays: "Callable[[list[Any]], Sequence[pa.Array[Any]]]"
    """Of records."""


def write_parquet(path: Path, topic: str, records: Callable[[], Iterator[bytes]]) -> None:
    """Write what ``records()`` gives, encoded records of ``topic``, to ``path``; it is gone through twice.

    Raises:
        SinkError: a number is too large for its column.
    """
    decoder = msgspec.json.Decoder(BY_NAME[topic].record)
    fields = _fields(BY_NAME[topic].record, lambda: map(decoder.decode, records()))
    schema = pa.schema([column for field in fields for column in field.schema])
    rows = map(decoder.decode, records())
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(rows, ROWS)):
            try:
                arrays = [array for field in fields for array in field.arrays(group)]
            except (OverflowError, pa.ArrowException) as error:
                raise SinkError(f"{topic}: a value does not fit its Parquet column: {error}") from error
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _fields(record: Any, rows: Callable[[], Iterator[Any]]) -> list[_Columns]:
    known = {field.name: field for struct in _structs(record) for field in struct.fields}
    found = [_column("type", pa.string(), lambda row: row.__struct_config__.tag)]
    for name, field in known.items():
        if name == _FEATURES:
            features = list(dict.fromkeys(chain.from_iterable(getattr(row, _FEATURES, ()) for row in rows())))
            found.append(_features(features, {"type", *known}))
        else:
            found.append(_plain(name, field.type))
    return found


def _structs(record: Any) -> list[inspect.StructType]:
    found = inspect.type_info(record)
    members = found.types if isinstance(found, inspect.UnionType) else (found,)
    return [member for member in members if isinstance(member, inspect.StructType)]


def _plain(name: str, kind: inspect.Type) -> _Columns:
    arrow = _arrow(kind)
    if arrow is None:
        return _column(name, pa.string(), lambda row: _text(getattr(row, name, None)))
    return _column(name, arrow, lambda row: getattr(row, name, None))


def _column(name: str, kind: pa.DataType, value: Callable[[Any], Any]) -> _Columns:
    return _Columns([pa.field(name, kind)], lambda rows: [pa.array([value(row) for row in rows], kind)])


def _features(features: list[str], taken: set[str]) -> _Columns:
    names = [f"feature_{feature}" if feature in taken else feature for feature in features]
    mapping = pa.struct([pa.field(feature, pa.float64()) for feature in features])

    def arrays(rows: list[Any]) -> "Sequence[pa.Array[Any]]":
        vectors = pa.array([getattr(row, _FEATURES, None) for row in rows], mapping)
        assert isinstance(vectors, pa.StructArray)
        return vectors.flatten()

    return _Columns([pa.field(name, pa.float64()) for name in names], arrays)


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
