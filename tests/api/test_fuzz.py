"""Whatever is asked, the API answers as its own description says, and never with a failure of its own.

More of it: ``pytest tests/api/test_fuzz.py --examples 1000``.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import positive_data_acceptance

from api.app import create_app
from api.config import ApiConfig
from flows.embedded.postgres import EmbeddedPostgres
from sinks.api_keys import add_key
from sinks.database import connect
from tests.api.conftest import market_in
from tests.api.market import BTC
from tests.api.serving import running

POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
DOCUMENT = create_app(ApiConfig(dsn="")).openapi()["paths"]
PATHS = [*DOCUMENT]
CHOOSY = [path for path, operations in DOCUMENT.items() if operations["get"].get("parameters")]
UNSAID = [positive_data_acceptance]
"""What a description cannot say: a cursor is one that was given, `since` lies before `until`, a day is of its month."""


@pytest.fixture(scope="module")
def described(embedded: EmbeddedPostgres, until: int) -> Iterator[Any]:
    """An API that takes keys, by its OpenAPI document."""
    with market_in(embedded.dsn, until) as dsn:
        with connect(dsn) as connection:
            key = add_key(connection, "fuzz", "admin")[1]
        # Reached by others, so that everything takes the key; and nothing is ever too old.
        config = ApiConfig(
            dsn=dsn, port=0, rate_limit=1e6, allowed_hosts=("desk.example",), max_close_age_s=1e9, max_book_age_s=1e9
        )
        with running(config) as address:
            loaded = schemathesis.openapi.from_url(f"{address}/openapi.json")
            loaded.config.update(headers={"Authorization": f"Bearer {key}"})
            yield loaded


@pytest.mark.parametrize(("path", "mode"), [*product(PATHS, [POSITIVE]), *product(CHOOSY, [NEGATIVE])])
def test_every_answer_is_as_described(
    described: Any, path: str, mode: GenerationMode, pytestconfig: pytest.Config
) -> None:
    operation = described[path]["GET"]

    @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
    @settings(max_examples=pytestconfig.getoption("examples"))
    def holds(case: Any, known: bool) -> None:
        if known and "symbol" in case.path_parameters:
            case.path_parameters["symbol"] = BTC  # else hardly anything would be found
        case.call_and_validate(excluded_checks=UNSAID)

    holds()
