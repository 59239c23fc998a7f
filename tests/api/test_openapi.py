"""The document that describes the API: valid, and true of every answer."""

from typing import Any

import httpx
import pytest
from fastapi.openapi.models import OpenAPI
from jsonschema import Draft202012Validator

from tests.api.market import BTC

ANSWERS = {
    "/signals": "/signals?limit=3",
    "/signals/{symbol}": f"/signals/{BTC}?status=candidates&limit=5",
    "/bars/{symbol}": f"/bars/{BTC}?limit=5",
    "/features/{symbol}": f"/features/{BTC}?limit=200",
    "/books/{symbol}": f"/books/{BTC}",
    "/levels/{symbol}": f"/levels/{BTC}?timeframe=5m",
    "/gaps": "/gaps",
    "/catalogue": "/catalogue",
    "/instruments": "/instruments",
    "/models/status": "/models/status",
    "/models/{model}/{version}": "/models/majors/00000000000000ff",
    "/stats": "/stats",
    "/health": "/health",
    "/ready": "/ready",
}

REPORT = "/models/{model}/{version}/drift-report"


@pytest.fixture
def document(api: httpx.Client) -> Any:
    return api.get("/openapi.json").json()


def validator(document: Any, schema: Any) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator({**schema, "components": document["components"]})


def test_the_document_is_valid_and_names_every_route(document: Any) -> None:
    OpenAPI.model_validate(document)
    assert {*ANSWERS} == {*document["paths"]} - {"/metrics", "/keys", REPORT}
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", ANSWERS)
def test_answers_and_examples_are_as_described(api: httpx.Client, document: Any, path: str) -> None:
    described = document["paths"][path]["get"]["responses"]
    content = described["200"]["content"]["application/json"]
    validator(document, content["schema"]).validate(content["example"])
    validator(document, content["schema"]).validate(api.get(ANSWERS[path]).json())
    refused = described["422"]["content"]["application/json"]["schema"]
    validator(document, refused).validate(api.get("/signals?limit=x").json())


def test_the_keys_are_as_described(document: Any) -> None:
    content = document["paths"]["/keys"]["get"]["responses"]["200"]["content"]["application/json"]
    validator(document, content["schema"]).validate(content["example"])


def test_each_path_says_which_role_it_takes(document: Any) -> None:
    roles = {path: operations["get"].get("security") for path, operations in document["paths"].items()}
    others = {path: role for path, role in roles.items() if role != [{"key": ["read"]}]}
    assert others == {"/health": None, "/ready": None, "/keys": [{"key": ["admin"]}], REPORT: [{"key": ["review"]}]}


def test_parameters_say_what_is_allowed(document: Any) -> None:
    parameters = {one["name"]: one for one in document["paths"]["/signals/{symbol}"]["get"]["parameters"]}
    assert {*parameters} == {
        "symbol", "since", "until", "cursor", "timeframe", "direction", "strategy", "status", "min_confidence", "limit",
    }  # fmt: skip
    assert parameters["limit"]["schema"]["maximum"] == 500
    assert parameters["symbol"]["examples"]["perpetual"]["value"] == "binanceusdm:BTC/USDT:USDT"
