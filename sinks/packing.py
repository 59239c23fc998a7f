"""Feature values without their names, which all records of a schema share."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Union, get_args
from uuid import UUID

import msgspec
from msgspec import Struct

from schemas.identifiers import derive

__all__ = ["Layout", "Unpacker"]

_MOST: Final = 64
"""Schemas remembered; there is one at a time, and another one after a change of the features."""


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
        self._whole: msgspec.json.Decoder[Any] = msgspec.json.Decoder(record)
        fields = [
            (field.name, msgspec.Raw if field.name == "features" else field.type, *_default(field))
            for field in msgspec.structs.fields(featured)
        ]
        self._featured: type[Any] = msgspec.defstruct(
            "Featured", fields, tag=featured.__struct_config__.tag, kw_only=True
        )
        kinds = [self._featured if kind is featured else kind for kind in get_args(record) or (record,)]
        self._beside: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Union[*kinds])
        self._known: dict[str, _Known] = {}

    def decode(self, value: bytes) -> tuple[Any, Layout | None, Sequence[float | None] | None]:
        """The record in ``value``, its layout and its numbers; of the record's own ``features`` nothing is to be read.

        Raises:
            ValueError: not a record of the type; the text names the field.
        """
        try:
            record = self._beside.decode(value)
            if not isinstance(record, self._featured):
                return record, None, None
            known = self._known[record.schema_hash]
            return record, known.layout, msgspec.structs.astuple(known.values.decode(record.features))
        except (KeyError, ValueError):
            record = self._whole.decode(value)  # which has words for what is wrong, if it is not just new
        return record, self._learn(record.schema_hash, tuple(record.features)), list(record.features.values())

    def _learn(self, schema_hash: str, names: tuple[str, ...]) -> Layout:
        known = self._known.get(schema_hash)
        if known is not None and known.layout.names == names:
            return known.layout
        if len(self._known) >= _MOST:
            self._known.clear()
        layout = Layout(names)
        fields = [(f"f{place}", float | None, msgspec.field(name=name)) for place, name in enumerate(names)]
        values = msgspec.defstruct("Values", fields, forbid_unknown_fields=True)
        self._known[schema_hash] = _Known(layout, msgspec.json.Decoder(values))
        return layout


def _default(field: msgspec.structs.FieldInfo) -> tuple[Any, ...]:
    if field.default_factory is not msgspec.NODEFAULT:
        return (msgspec.field(default_factory=field.default_factory),)
    return () if field.default is msgspec.NODEFAULT else (field.default,)
