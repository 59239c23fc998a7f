"""Results that a replay or an export wrote as files, one a topic: JSON lines or Parquet."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import pyarrow as pa
from msgspec import Struct, inspect
from pyarrow import parquet

from schemas.topics import BY_NAME
from sources.errors import SourceError

__all__ = ["ResultFileError", "read_results", "result_file"]

_FEATURES: Final = "features"
_ROWS: Final = 1_000
"""Of Parquet, that are in memory at once."""
Glance = TypeVar("Glance", bound=Struct)


class ResultFileError(SourceError):
    """A file of results that cannot be read; names it and what is wrong with it."""


def result_file(directory: Path, topic: str) -> Path | None:
    """The file of ``topic`` in ``directory``, if there is one."""
    known = (directory / f"{topic}.{suffix}" for suffix in ("jsonl", "parquet"))
    return next((path for path in known if path.is_file()), None)


def read_results(path: Path, topic: str, glance: type[Glance], wanted: Callable[[Glance], bool]) -> Iterator[Any]:
    """The records of ``topic`` in ``path`` that are ``wanted``, judged by the few fields of ``glance``.

    A field that a record lacks has the default of ``glance``.

    Raises:
        ResultFileError: the file cannot be read, or holds what is no record of ``topic``.
    """
    read = _parquet if path.suffix == ".parquet" else _jsonl
    return read(path, topic, glance, wanted)


def _jsonl(path: Path, topic: str, glance: type[Glance], wanted: Callable[[Glance], bool]) -> Iterator[Any]:
    light, whole = msgspec.json.Decoder(glance), msgspec.json.Decoder(BY_NAME[topic].record)
    number = 0
    try:
        with path.open("rb") as file:
            for line in file:
                number += 1
                if wanted(light.decode(line)):
                    yield whole.decode(line)
    except OSError as error:
        raise ResultFileError(f"{path}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ResultFileError(f"{path} line {number}: no record of {topic}: {error}") from error


def _parquet(path: Path, topic: str, glance: type[Glance], wanted: Callable[[Glance], bool]) -> Iterator[Any]:
    record = BY_NAME[topic].record
    try:
        with parquet.ParquetFile(path) as table:
            names = [name for name in glance.__struct_fields__ if name in table.schema_arrow.names]
            restored = _Restored(record, table.schema_arrow.names)
            for batch in table.iter_batches(_ROWS):
                seen = zip(*(batch.column(name).to_pylist() for name in names), strict=True)
                known = (
                    {name: value for name, value in zip(names, values, strict=True) if value is not None}
                    for values in seen
                )
                rows = [at for at, fields in enumerate(known) if wanted(glance(**fields))]
                columns = [column.to_pylist() for column in (batch.take(rows) if rows else batch[:0]).columns]
                for values in zip(*columns, strict=True):
                    yield msgspec.convert(restored.plain(values), record)
    except OSError as error:
        raise ResultFileError(f"{path}: {error.strerror or error}") from error
    except (msgspec.MsgspecError, TypeError, pa.ArrowException) as error:
        raise ResultFileError(f"{path}: no records of {topic}: {error}") from error


class _Restored:
    """Rows of `sinks.parquet`, of these columns, as the plain data of their records again."""

    def __init__(self, record: Any, columns: Sequence[str]) -> None:
        found = inspect.type_info(record)
        members = found.types if isinstance(found, inspect.UnionType) else (found,)
        structs = {str(member.tag): member.fields for member in members if isinstance(member, inspect.StructType)}
        own = {"type"}.union(*({field.name for field in fields} for fields in structs.values()))
        self._places = {name: at for at, name in enumerate(columns)}
        self._fields = {
            tag: [(field.name, self._places.get(field.name), field.required, _nested(field.type)) for field in fields]
            for tag, fields in structs.items()
        }
        features = [(name, at) for name, at in self._places.items() if name not in own]
        bare = [(name.removeprefix("feature_"), name) for name, _ in features]
        self._names = [short if short in own else name for short, name in bare]
        self._features = [at for _, at in features]

    def plain(self, row: Sequence[Any]) -> dict[str, Any]:
        tag = row[self._places["type"]]
        found: dict[str, Any] = {"type": tag}
        for name, place, required, nested in self._fields.get(tag, ()):
            value = None if place is None else row[place]
            if name == _FEATURES:
                value = dict(zip(self._names, [row[at] for at in self._features], strict=True))
            elif nested and isinstance(value, str):
                value = msgspec.json.decode(value)
            if value is not None or required:
                found[name] = value
        return found


def _nested(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.DictType) or (
        isinstance(kind, inspect.ListType) and isinstance(kind.item_type, inspect.StructType)
    )
