"""What the API is told of the registry: reports of drift by Evidently, over HTTP."""

from collections.abc import Iterator

import httpx
import pytest
from msgspec.structs import replace

from api.config import ApiConfig
from flows.embedded.postgres import EmbeddedPostgres
from flows.shelf import RegistryShelf
from models.errors import ModelRefused
from models.registry import Catalogue, Registry
from schemas.errors import AwayError
from schemas.time import MINUTE, to_text
from sinks.api_keys import add_key
from sinks.database import connect
from sinks.export import Asked, candidate_inputs
from sinks.migrate import migrate
from tests.api.market import BTC, fill, history, signal
from tests.api.serving import running
from tests.integration.timescale_fixtures import new_database
from tests.models.catalogue import CATALOGUE
from tests.models.trees import trained

UNTIL = 1_723_161_600_000_000_000
ASKED = Asked(
    strategy="confluence", instruments=[BTC.partition(":")[2]], schema_hash="b0c9f1d2a4e6f801",
    context_hash="0f1606220f883c8a",
)  # fmt: skip
MIDDLE = UNTIL - 60 * MINUTE


@pytest.fixture(scope="module")
def store(embedded: EmbeddedPostgres) -> Iterator[str]:
    """Two hours with a candidate at each close."""
    with new_database(embedded.dsn) as dsn:
        migrate(dsn)
        records = [one for one in history(BTC, UNTIL, minutes=120) if not one[0].startswith("signals.")]
        for number in range(120):
            records += signal(BTC, UNTIL - number * MINUTE, 64_000.0, "long" if number % 2 else "short")
        fill(dsn, records)
        yield dsn


@pytest.fixture(scope="module")
def shelf(store: str, tmp_path_factory: pytest.TempPathFactory) -> RegistryShelf:
    """A model that was trained on the first of them."""
    catalogue = Catalogue(ASKED.schema_hash, ASKED.context_hash, CATALOGUE.names)
    made, registry = trained(catalogue=catalogue), Registry(tmp_path_factory.mktemp("models"))
    manifest = replace(made.manifest, instruments=ASKED.instruments, train_start=UNTIL - 120 * MINUTE, train_end=MIDDLE)
    registry.add(manifest, made.files, catalogue)
    return RegistryShelf(registry, store)


def test_candidates_come_as_their_model_sees_them(store: str) -> None:
    with connect(store) as connection:
        whole = list(candidate_inputs(connection, ASKED, UNTIL - 40 * MINUTE, UNTIL, 1_000))
        some = list(candidate_inputs(connection, ASKED, UNTIL - 40 * MINUTE, UNTIL, 15))
        others = replace(ASKED, instruments=["ETH/USDT:USDT"])
        assert list(candidate_inputs(connection, others, 0, UNTIL, 9)) == []
        assert list(candidate_inputs(connection, replace(ASKED, schema_hash="0"), 0, UNTIL, 9)) == []
    assert 35 < len(whole) <= 40
    assert 12 <= len(some) <= 15
    assert all(one in whole for one in some)
    assert {one.direction for one in whole} == {"long", "short"}
    assert whole[0].score == pytest.approx(0.57)
    assert {"obi_10", "fear_greed"} < {*whole[0].features}
    assert "dispersion" in whole[0].tainted


def test_a_window_against_training_is_told_by_evidently_over_http(store: str, shelf: RegistryShelf) -> None:
    with connect(store) as connection:
        reader, reviewer = (add_key(connection, role, role)[1] for role in ("read", "review"))
    (version,) = shelf.registry.versions("majors")
    path, window = f"/models/majors/{version}/drift-report", {"from": to_text(MIDDLE), "to": str(UNTIL)}
    with running(ApiConfig(dsn=store, port=0, shelf=shelf)) as base, httpx.Client(base_url=base, timeout=120) as api:
        assert api.get(path, params=window).status_code == 401
        assert api.get(path, params=window, headers={"Authorization": f"Bearer {reader}"}).status_code == 403
        api.headers["Authorization"] = f"Bearer {reviewer}"
        told = api.get(path, params={**window, "format": "json"})
        assert told.status_code == 200, told.text
        assert {one["config"].get("column") for one in told.json()["metrics"]} >= {"rsi_14", "obi_10", "direction"}
        assert told.headers["Content-Disposition"] == f'attachment; filename="drift-majors-{version}.json"'
        for wrong, status, words in (
            ({"from": str(UNTIL + MINUTE)}, 422, "of now: no input is known in 20 of both"),
            ({"from": str(UNTIL), "to": str(MIDDLE)}, 422, "it should be after from = 2024-08-09T00:00:00Z"),
            ({}, 422, "from: has to be given"),
            ({**window, "format": "pdf"}, 422, "format = 'pdf': it should be 'html' or 'json'"),
        ):
            refused = api.get(path, params=wrong)
            assert (refused.status_code, words in refused.json()["error"]) == (status, True), refused.text
        assert api.get(path.replace(version, "0" * 16), params=window).status_code == 404


def test_without_a_store_it_is_one_line(shelf: RegistryShelf) -> None:
    (version,) = shelf.registry.versions("majors")
    away = RegistryShelf(shelf.registry, "postgresql://127.0.0.1:9/nowhere")
    with pytest.raises(AwayError, match=r"database host=127\.0\.0\.1 port=9"):
        away.drift_report("majors", version, MIDDLE, UNTIL, "html")


def test_where_a_registry_lies_that_does_not_answer_is_nobody_s_business(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "candlewick")
    away = Registry("s3://desk/models?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1")
    with pytest.raises(ModelRefused, match=r"^model majors 0{16}: the registry cannot be read$"):
        RegistryShelf(away, "").card("majors", "0" * 16)
