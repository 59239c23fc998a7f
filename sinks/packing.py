"""Records in the shape in which they are stored: identifiers in binary form, features without their names."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Union, get_args
from uuid import UUID

import msgspec
from msgspec import Struct

from schemas.identifiers import derive
from sinks.native import BUILT, PACKED, Field, Reader

__all__ = ["Layout", "Packer", "Unpacker", "packer", "stored"]

_MOST: Final = 64
"""Schemas remembered; there is one at a time, and another one after a change of the features."""
_BOOL, _INT8, _INT4, _TEXT, _FLOAT8, _TEXTS, _FLOATS, _UUID, _JSONB = 16, 20, 23, 25, 701, 1009, 1022, 2950, 3802


def stored(record: type[Struct], **types: Any) -> type[Any]:
    """``record`` with its identifiers as UUIDs, and with other ``types`` of some fields; on the wire it is the same."""
    fields = [
        (field.name, types.get(field.name, UUID if field.name in {"id", "signal_id"} else field.type), *_default(field))
        for field in msgspec.structs.fields(record)
    ]
    # Records hold no cycles, so the collector need not look at them.
    return msgspec.defstruct(record.__name__, fields, tag=record.__struct_config__.tag, kw_only=True, gc=False)


class Layout(UUID):
    """Stands for names in their order."""

    __slots__ = ("names",)
    names: tuple[str, ...]

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(derive("layout", *names))
        object.__setattr__(self, "names", names)  # a UUID lets nobody set anything


class _Known(NamedTuple):
    layout: Layout
    values: msgspec.json.Decoder[Any]
    """Of an object that has just these names; it makes no dictionary."""


class Unpacker:
    """Decodes records with a field ``features`` to their layout and numbers.

    Parameters:
        record: the type, or a union with others that have no such field.
        featured: the type that has it.
    """

    def __init__(self, record: Any, featured: type[Struct]) -> None:
        others = [stored(kind) for kind in get_args(record) if kind is not featured]
        self._featured = stored(featured, features=msgspec.Raw)
        self._beside: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Union[self._featured, *others])
        self._whole: msgspec.json.Decoder[Any] = msgspec.json.Decoder(stored(featured))
        self._known: dict[str, _Known] = {}

    def decode(self, value: bytes) -> tuple[Any, Layout | None, Sequence[float | None] | None]:
        """The record in ``value``, its layout and its numbers; of the record's own ``features`` nothing is to be read.

        Raises:
            ValueError: not a record of the type; the text names the field.
        """
        record = self._beside.decode(value)
        if not isinstance(record, self._featured):
            return record, None, None
        try:
            known = self._known[record.schema_hash]
            return record, known.layout, msgspec.structs.astuple(known.values.decode(record.features))
        except (KeyError, ValueError):
            features = self._whole.decode(value).features  # which has words for what is wrong, if it is not just new
        return record, self._learn(record.schema_hash, tuple(features)), list(features.values())

    def _learn(self, schema_hash: str, names: tuple[str, ...]) -> Layout:
        known = self._known.get(schema_hash)
        if known is not None and known.layout.names == names:
            return known.layout
        if len(self._known) >= _MOST:
            self._known.clear()
        layout = Layout(names)
        fields = [(f"f{place}", float | None, msgspec.field(name=name)) for place, name in enumerate(names)]
        values = msgspec.defstruct("Values", fields, forbid_unknown_fields=True, gc=False)
        self._known[schema_hash] = _Known(layout, msgspec.json.Decoder(values))
        return layout


class Packer:
    """Rows of a kind of record as bytes, without decoding them, as long as a record is as the engine writes it.

    Parameters:
        reader: of the compiled part.
        types: what it takes the columns for.
    """

    def __init__(self, reader: Reader, types: tuple[int, ...]) -> None:
        self.types = types
        self.layout: Layout | None = None
        """Of rows with features."""
        self.pack = reader.read
        """A row; ``None``: the record has to be decoded by other means, and may be wrong."""
        self._reader = reader

    def learn(self, layout: Layout) -> None:
        """From now on records with features of ``layout`` are known, and no others."""
        self.layout = layout
        self._reader.learn(layout.bytes, layout.names)


def packer(record: type[Struct], time: str, *, narrow: Sequence[str] = (), nulls: int = 0) -> Packer | None:
    """For rows whose columns are the fields of ``record``; ``None``: nothing is compiled here, or not for its types.

    Parameters:
        time: the field that a last column repeats.
        narrow: fields whose columns have four bytes.
        nulls: columns behind the fields that are null.
    """
    info = msgspec.inspect.type_info(stored(record))
    assert isinstance(info, msgspec.inspect.StructType)
    fields = [_field(field, narrow) for field in info.fields]
    known = [field for field in fields if field is not None]
    if not BUILT or len(known) < len(fields) or not isinstance(info.tag, str):
        return None
    types: list[int] = []
    for field in known:
        types += [_UUID, _FLOATS, _JSONB] if field.kind == PACKED else [field.kind]
    return Packer(Reader(info.tag, known, time, nulls), tuple(types))


def _field(field: msgspec.inspect.Field, narrow: Sequence[str]) -> Field | None:
    name, type_ = field.encode_name, field.type
    nullable = isinstance(type_, msgspec.inspect.UnionType)
    if isinstance(type_, msgspec.inspect.UnionType):
        kinds = [kind for kind in type_.types if not isinstance(kind, msgspec.inspect.NoneType)]
        if len(kinds) > 1:
            return None
        type_ = kinds[0]
    match type_:
        case msgspec.inspect.LiteralType(values=values) if all(isinstance(value, str) for value in values):
            return Field(name, _TEXT, nullable, tuple(map(str, values)))
        case msgspec.inspect.DictType(value_type=msgspec.inspect.UnionType()) if name == "features":
            return Field(name, PACKED)
        case msgspec.inspect.IntType() if name in narrow:
            return Field(name, _INT4, nullable)
    kind = next((kind for known, kind in _KINDS if type_ == known), None)
    return None if kind is None else Field(name, kind, nullable)


_KINDS: Final = [
    (msgspec.inspect.type_info(type_), kind)
    for type_, kind in (
        (UUID, _UUID), (str, _TEXT), (int, _INT8), (float, _FLOAT8), (bool, _BOOL), (list[float], _FLOATS),
        (list[str], _TEXTS), (dict[str, str], _JSONB),
    )
]  # fmt: skip
"""Types without bounds: whatever the compiled part reads is within them."""


def _default(field: msgspec.structs.FieldInfo) -> tuple[Any, ...]:
    if field.default_factory is not msgspec.NODEFAULT:
        return (msgspec.field(default_factory=field.default_factory),)
    return () if field.default is msgspec.NODEFAULT else (field.default,)
