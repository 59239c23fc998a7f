"""Records in the shape in which they are stored: identifiers in binary form, features without their names."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Union, get_args
from uuid import UUID

import msgspec
from msgspec import Struct

from schemas.identifiers import derive

__all__ = ["Layout", "Unpacker", "stored"]

_MOST: Final = 64
"""Schemas remembered; there is one at a time, and another one after a change of the features."""


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


def _default(field: msgspec.structs.FieldInfo) -> tuple[Any, ...]:
    if field.default_factory is not msgspec.NODEFAULT:
        return (msgspec.field(default_factory=field.default_factory),)
    return () if field.default is msgspec.NODEFAULT else (field.default,)
