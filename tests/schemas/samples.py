"""Strategies for every record type, made from the types themselves, so that a new field is tested without a word."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct, inspect

from schemas.documents import record_types
from schemas.market import METRICS, BookDelta, BookSnapshot, ExchangeBar, ExternalMetric, LongShortRatio, Regimes
from schemas.topics import TOPICS

__all__ = ["RECORDS", "records"]

RECORDS: list[type[Struct]] = sorted(
    {kind for topic in TOPICS for kind in record_types(topic.record)}, key=lambda kind: kind.__name__
)

_LARGEST = 2**63 - 1  # what JSON readers in other languages and the database take
_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def records(kind: type[Struct]) -> st.SearchStrategy[Struct]:
    """Any valid record of ``kind``: optional fields present or not, numbers within their bounds."""
    return _values(inspect.type_info(kind))


def _values(node: inspect.Type) -> st.SearchStrategy[Any]:
    return _MAKERS[type(node)](node)


def _struct(node: inspect.StructType) -> st.SearchStrategy[Any]:
    required = {field.name: _values(field.type) for field in node.fields if field.required}
    optional = {field.name: _values(field.type) for field in node.fields if not field.required}
    fields = st.fixed_dictionaries(required, optional=optional)
    if node.cls is ExchangeBar:
        fields = fields.map(_enclosed)
    if node.cls in (BookSnapshot, BookDelta):
        fields = fields.map(_paired)
    if node.cls is ExternalMetric:
        fields = fields.map(_bounded)
    if node.cls is Regimes:
        fields = fields.map(_summed)
    if node.cls is LongShortRatio:
        fields = fields.filter(lambda values: any(values.get(name) is not None for name in optional))
    return fields.map(lambda values: node.cls(**values))


def _bounded(values: dict[str, Any]) -> dict[str, Any]:
    about = METRICS[values["metric"]]
    low, high = about.low, about.high
    value = max(low, values["value"]) if low is not None else values["value"]
    return values | {"value": value if high is None else min(high, value)}


def _summed(values: dict[str, Any]) -> dict[str, Any]:
    *transition, initial = (
        [(1 + x) / (4 + sum(row)) for x in row] for row in (*values["transition"], values["initial"])
    )
    return values | {"transition": transition, "initial": initial}


def _paired(values: dict[str, Any]) -> dict[str, Any]:
    for side in ("bid", "ask"):
        levels = min(len(values[f"{side}_prices"]), len(values[f"{side}_sizes"]))
        values |= {name: values[name][:levels] for name in (f"{side}_prices", f"{side}_sizes")}
    return values


def _enclosed(values: dict[str, Any]) -> dict[str, Any]:
    prices = sorted(values[name] for name in ("open", "high", "low", "close"))
    return values | dict(zip(("low", "open", "close", "high"), prices, strict=True))


def _integer(node: inspect.IntType) -> st.SearchStrategy[int]:
    least = node.ge if node.ge is not None else -_LARGEST if node.gt is None else node.gt + 1
    most = node.le if node.le is not None else _LARGEST if node.lt is None else node.lt - 1
    return st.integers(least, most)


def _number(node: inspect.FloatType) -> st.SearchStrategy[float]:
    return st.floats(
        node.ge if node.gt is None else node.gt,
        node.le if node.lt is None else node.lt,
        exclude_min=node.gt is not None,
        exclude_max=node.lt is not None,
        allow_nan=False,
        allow_infinity=False,
    )


def _list(node: inspect.ListType) -> st.SearchStrategy[list[Any]]:
    least = node.min_length or 0
    return st.lists(_values(node.item_type), min_size=least, max_size=node.max_length or least + 2)


def _dict(node: inspect.DictType) -> st.SearchStrategy[dict[Any, Any]]:
    return st.dictionaries(_values(node.key_type), _values(node.value_type), max_size=3)


def _string(node: inspect.StrType) -> st.SearchStrategy[str]:
    least = node.min_length or 0
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=least, max_size=node.max_length or least + 12)


_MAKERS: dict[type[inspect.Type], Callable[[Any], st.SearchStrategy[Any]]] = {
    inspect.StructType: _struct,
    inspect.Metadata: lambda node: _values(node.type),
    inspect.UnionType: lambda node: st.one_of([_values(member) for member in node.types]),
    inspect.LiteralType: lambda node: st.sampled_from(node.values),
    inspect.IntType: _integer,
    inspect.FloatType: _number,
    inspect.BoolType: lambda _: st.booleans(),
    inspect.StrType: _string,
    inspect.NoneType: lambda _: st.none(),
    inspect.ListType: _list,
    inspect.DictType: _dict,
    inspect.AnyType: lambda _: st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | _text,
}
