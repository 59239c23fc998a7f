import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from deploy.page_assets import PageAssetsError, npm_command
from schemas.codec import encode
from schemas.documents import asyncapi, json_schema, record_types
from schemas.topics import BY_NAME, TOPICS, Topic
from schemas.units import UNITS, unit
from tests.schemas.samples import records

_SPECS: Final = "6.11.1"
_CACHE: Final = Path(__file__).resolve().parents[2] / ".candlewick" / "cache" / "npm"

VALIDATORS = {topic.name: Draft202012Validator(json_schema(topic)) for topic in TOPICS}
each_topic = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
thorough = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@each_topic
def test_a_schema_is_one_by_its_meta_schema(topic: Topic) -> None:
    schema = json_schema(topic)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert {kind.__name__ for kind in record_types(topic.record)} <= schema["$defs"].keys()


@each_topic
@given(data=st.data())
@settings(thorough, max_examples=25)
def test_records_are_valid_by_their_schema(topic: Topic, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(record_types(topic.record)))
    value = json.loads(encode(data.draw(records(kind))))
    assert list(VALIDATORS[topic.name].iter_errors(value)) == []


WRONG: Final = [None, True, "text", -1, 0.5, 10**30, [], ["text"], [0], {}, {"a": "b"}]


@each_topic
@given(data=st.data())
@settings(thorough, max_examples=25)
def test_schema_and_decoder_refuse_the_same(topic: Topic, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(record_types(topic.record)))
    value = json.loads(encode(data.draw(records(kind))))
    field = data.draw(st.sampled_from(sorted(value.keys() - {"type"})))  # msgspec misses it only in unions
    if data.draw(st.booleans()):
        del value[field]
    else:
        value[field] = data.draw(st.sampled_from(WRONG))
    assert VALIDATORS[topic.name].is_valid(value) == _decodes(topic, value)


def _decodes(topic: Topic, value: Any) -> bool:
    try:
        msgspec.json.decode(json.dumps(value), type=topic.record)
    except msgspec.ValidationError as error:
        return "levels, " in str(error) or "do not enclose" in str(error)  # no schema can say how fields relate
    return True


@pytest.mark.parametrize(
    "change",
    [
        {"price": 0},
        {"price": "1.5"},
        {"size": -1.0},
        {"ts_event": 1_700_000_000_000},
        {"aggressor_side": "BUY"},
        {"type": "trades"},
        {"instrument_id": "x"},
    ],
)
def test_wrong_trades_are_refused(change: dict[str, Any]) -> None:
    trade = {
        "type": "trade", "instrument_id": "binance:BTC/USDT", "ts_event": 1_700_000_000 * 10**9,
        "ts_received": 1_700_000_000 * 10**9, "price": 1.5, "size": 2.0,
    }  # fmt: skip
    assert VALIDATORS["market.events"].is_valid(trade)
    assert not VALIDATORS["market.events"].is_valid(trade | change)


def test_every_number_says_its_unit() -> None:
    properties = [
        (f"{name}.{field}", field, schema)
        for name, definition in asyncapi("1")["components"]["schemas"].items()
        for field, schema in definition["properties"].items()
        if any(f'"type": "{kind}"' in json.dumps(schema) for kind in ("number", "integer"))
    ]
    assert [place for place, field, schema in properties if unit(field) is None or "description" not in schema] == []
    assert UNITS.keys() <= {field for _, field, _ in properties}


def test_texts_are_those_of_the_source() -> None:
    definition = json_schema(BY_NAME["signals.published"])["$defs"]["Signal"]
    assert definition["description"].startswith("A proposal to trade.")
    assert definition["properties"]["expiry"]["description"] == (
        "An entry not filled by then is void. Unit: nanoseconds since 1970, UTC."
    )
    assert definition["properties"]["stop"]["description"] == "Unit: quote currency."


@pytest.fixture(scope="module")
def official() -> dict[str, Any]:
    """AsyncAPI's own JSON Schema of its documents."""
    package = _CACHE / "node_modules" / "@asyncapi" / "specs"
    if not package.is_dir() or json.loads((package / "package.json").read_text())["version"] != _SPECS:
        _fetch()
    schema: dict[str, Any] = json.loads((package / "schemas" / "3.0.0.json").read_text())
    return schema


def _fetch() -> None:
    _CACHE.mkdir(parents=True, exist_ok=True)
    options = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(_CACHE)]
    try:
        command = [*npm_command(), "install", *options, f"@asyncapi/specs@{_SPECS}"]
        subprocess.run(command, check=True, capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
    except (PageAssetsError, OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(_CACHE / "node_modules" / "@asyncapi", ignore_errors=True)
        pytest.skip(f"AsyncAPI's official schema: npm could not get @asyncapi/specs {_SPECS} ({type(error).__name__})")


@pytest.mark.parametrize("partitions", [None, 12])
def test_asyncapi_is_valid_by_its_official_schema(official: dict[str, Any], partitions: int | None) -> None:
    document = asyncapi("1.2.3", partitions)
    validator = Draft7Validator(official)
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)] == []
    assert not validator.is_valid(document | {"info": {}})
    assert not validator.is_valid(document | {"channels": {"x": {"address": 1}}})


def test_every_reference_of_asyncapi_leads_somewhere() -> None:
    document = asyncapi("1.2.3", 12)
    references = set(_references(document))
    assert references
    for reference in references:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def _references(node: Any) -> Iterator[str]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and "$ref" in node:
        yield node["$ref"]
    for child in children:
        yield from _references(child)


def test_asyncapi_says_all_of_the_registry() -> None:
    document = asyncapi("1.2.3", 7)
    assert list(document["channels"]) == [topic.name for topic in TOPICS]
    for topic in TOPICS:
        channel = document["channels"][topic.name]
        kafka = channel["bindings"]["kafka"]
        assert kafka["partitions"] == (topic.partitions or 7)
        assert kafka["topicConfiguration"] == {
            "cleanup.policy": ["compact" if topic.compacted else "delete"], "retention.ms": topic.retention_ms,
        }  # fmt: skip
        for kind in record_types(topic.record):
            message = channel["messages"][kind.__name__]
            assert message["bindings"]["kafka"]["key"]["description"] == topic.key
            assert message["payload"] == {"$ref": f"#/components/schemas/{kind.__name__}"}
        uses = [use["action"] for use in document["operations"].values() if use["channel"]["$ref"].endswith(topic.name)]
        assert sorted(uses) == ["receive", "send"]


def test_documents_are_the_same_every_time() -> None:
    assert json.dumps(asyncapi("1")) == json.dumps(asyncapi("1"))
    assert [json.dumps(json_schema(topic)) for topic in TOPICS] == [json.dumps(json_schema(topic)) for topic in TOPICS]
