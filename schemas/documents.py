"""JSON Schema and AsyncAPI of all topics, made from the types themselves.

JSON Schema is of 2020-12 (json-schema.org), AsyncAPI of 3.0.0 (asyncapi.com) with Kafka bindings 0.5.0.
"""

import inspect
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct

from schemas.docstrings import field_docs, structs
from schemas.topics import LOG, TOPICS, Lane, Topic
from schemas.units import unit

__all__ = ["asyncapi", "json_schema", "record_types"]

_BINDING: Final = {"bindingVersion": "0.5.0"}
_DESCRIPTION: Final = """\
Records are JSON, one a message; which type it is says the field `type`. New fields come with defaults, types never
change. Kafka's default partitioner (murmur2 of the key) decides the partition. The record of an identifier never
changes: a reader that meets one twice may drop it. Read `signals.*` and `models.events` with `read_committed`.
"""
_SENDERS: Final[dict[Lane, tuple[str, str]]] = {
    "log": ("ingest", "what exchanges, tapes or the simulator give, in one order"),
    "features": ("engine", "the per-instrument step's results"),
    "signals": ("engine", "the desk's results, a transaction each time"),
}


def json_schema(topic: Topic) -> dict[str, Any]:
    """The JSON Schema of the records of ``topic``."""
    schema = msgspec.json.schema(topic.record)
    definitions = schema.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:candlewick:{topic.name}",
        "title": topic.name,
        "description": f"{topic.summary}. Key: {topic.key}.",
        **schema,
        "$defs": _described(definitions, topic.record),
    }


def asyncapi(version: str, partitions: int | None = None) -> dict[str, Any]:
    """The AsyncAPI document of all topics.

    Parameters:
        version: of this program.
        partitions: of the log and of what follows it; ``None``: left open.
    """
    records = [topic.record for topic in TOPICS]
    _, components = msgspec.json.schema_components(records, ref_template="#/components/schemas/{name}")
    operations: dict[str, Any] = {}
    for topic in TOPICS:
        sender, what = _SENDERS[topic.lane]
        operations |= _operation(topic, sender, "send", what)
        reader, purpose = ("engine", "to decide") if topic.name == LOG else ("store", "into the database")
        operations |= _operation(topic, reader, "receive", purpose)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Candlewick", "version": version, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic, partitions) for topic in TOPICS},
        "operations": operations,
        "components": {"schemas": _described(components, *records)},
    }


def record_types(record: Any) -> tuple[type[Struct], ...]:
    """The members of a union of records, or the one record."""
    return get_args(record) or (record,)


def _channel(topic: Topic, partitions: int | None) -> dict[str, Any]:
    kafka = {
        "topic": topic.name,
        "partitions": topic.partitions or partitions,
        "topicConfiguration": {
            "cleanup.policy": ["compact" if topic.compacted else "delete"],
            "retention.ms": topic.retention_ms,
        },
        **_BINDING,
    }
    return {
        "address": topic.name,
        "title": topic.name,
        "summary": topic.summary,
        "messages": {kind.__name__: _message(topic, kind) for kind in record_types(topic.record)},
        "bindings": {"kafka": {key: value for key, value in kafka.items() if value is not None}},
    }


def _message(topic: Topic, kind: type[Struct]) -> dict[str, Any]:
    header = ("type", str(kind.__struct_config__.tag)) if topic.name == LOG else ("id", None)
    value = {"const": header[1]} if header[1] else {"description": "the record's identifier"}
    return {
        "name": kind.__name__,
        "title": kind.__name__,
        "summary": (inspect.getdoc(kind) or "").partition("\n")[0],
        "headers": {"type": "object", "required": [header[0]], "properties": {header[0]: {"type": "string", **value}}},
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}, **_BINDING}},
    }


def _operation(topic: Topic, role: str, action: str, purpose: str) -> dict[str, Any]:
    return {
        f"{role}.{action}.{topic.name}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{topic.name}"},
            "summary": f"`candlewick {'run' if role == 'engine' else role}`: {purpose}",
            "tags": [{"name": role}],
        }
    }


def _described(definitions: dict[str, Any], *records: Any) -> dict[str, Any]:
    """``definitions`` by name, with what the classes say of themselves and their fields."""
    kinds = {name: kind for record in records for name, kind in structs(record).items()}
    for name, definition in definitions.items():
        definition["description"] = inspect.getdoc(kinds[name])
        docs = field_docs(kinds[name])
        for field, schema in definition["properties"].items():
            if text := _description(docs.get(field), schema, unit(field)):
                schema["description"] = text
    return dict(sorted(definitions.items()))


def _description(doc: str | None, schema: dict[str, Any], measure: str | None) -> str | None:
    doc = doc or schema.get("description")
    if measure is None or not _numeric(schema):
        return doc
    if doc is None or measure in doc.lower():
        return doc or f"Unit: {measure}."
    return f"{doc.rstrip('.')}. Unit: {measure}."


def _numeric(schema: dict[str, Any]) -> bool:
    """Whether ``schema`` allows a number, in a list or mapping too."""
    inner = [schema[key] for key in ("items", "additionalProperties") if key in schema]
    return schema.get("type") in ("number", "integer") or any(map(_numeric, inner + schema.get("anyOf", [])))
