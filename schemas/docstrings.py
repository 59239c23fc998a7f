"""What the source says of a record type's fields: the strings that follow them, which Python itself drops."""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

from msgspec import Struct
from msgspec.inspect import StructType, type_info

__all__ = ["field_docs", "structs"]


def field_docs(kind: type[Struct]) -> dict[str, str]:
    """Text by field, for the fields of ``kind`` and of what it inherits from that have one.

    >>> from schemas.market import Trade
    >>> field_docs(Trade)["ts_event"]
    "The exchange's clock."
    """
    docs: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, Struct) and base is not Struct:
            docs |= _module_docs(base.__module__)[base.__name__]
    return docs


def structs(record: Any) -> dict[str, type[Struct]]:
    """Every record type within the type ``record``, by name."""
    found: dict[str, type[Struct]] = {}

    def walk(node: Any) -> None:
        if isinstance(node, StructType):
            found[node.cls.__name__] = node.cls
        if isinstance(node, Struct):
            node = tuple(getattr(node, field) for field in node.__struct_fields__)
        if isinstance(node, tuple):
            for part in node:
                walk(part)

    walk(type_info(record))
    return found


@cache
def _module_docs(module: str) -> dict[str, dict[str, str]]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: dict(_attribute_docs(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _attribute_docs(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, text in pairwise(node.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                yield name, " ".join(inspect.cleandoc(doc).split())
