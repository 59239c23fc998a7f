"""Results that a replay or an export wrote as files, one a topic: JSON lines or Parquet."""

from collections.abc import Callable, Iterator
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
    restore = _Restored(record)
    try:
        with parquet.ParquetFile(path) as table:
            names = [name for name in glance.__struct_fields__ if name in table.schema_arrow.names]
            for batch in table.iter_batches():
                seen = zip(*(batch.column(name).to_pylist() for name in names), strict=True)
                for at, values in enumerate(seen):
                    known = {name: value for name, value in zip(names, values, strict=True) if value is not None}
                    if wanted(glance(**known)):
                        yield msgspec.convert(restore.plain(batch.slice(at, 1).to_pylist()[0]), record)
    except OSError as error:
        raise ResultFileError(f"{path}: {error.strerror or error}") from error
    except (msgspec.MsgspecError, TypeError, pa.ArrowException) as error:
        raise ResultFileError(f"{path}: no records of {topic}: {error}") from error


class _Restored:
    """A row of `sinks.parquet` as the plain data of its record again."""

    def __init__(self, record: Any) -> None:
        found = inspect.type_info(record)
        members = found.types if isinstance(found, inspect.UnionType) else (found,)
        self._fields = {
            str(member.tag): {field.name: field for field in member.fields}
            for member in members
            if isinstance(member, inspect.StructType)
        }
        self._known = {"type"}.union(*self._fields.values())

    def plain(self, row: dict[str, Any]) -> dict[str, Any]:
        fields = self._fields.get(row["type"], {})
        found: dict[str, Any] = {"type": row["type"]}
        for name, field in fields.items():
            value = row.get(name)
            if name == _FEATURES:
                value = {
                    key.removeprefix("feature_") if key.removeprefix("feature_") in self._known else key: each
                    for key, each in row.items()
                    if key not in self._known
                }
            elif isinstance(value, str) and _nested(field.type):
                value = msgspec.json.decode(value)
            if value is not None or field.required:
                found[name] = value
        return found


def _nested(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.DictType) or (
        isinstance(kind, inspect.ListType) and isinstance(kind.item_type, inspect.StructType)
    )
