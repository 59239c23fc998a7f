"""What the stages beside the API tell of themselves is part of its readiness and metrics."""

import time
from pathlib import Path

import httpx
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from api.config import ApiConfig
from sinks.vitals import write_vitals
from tests.api.serving import running
from tests.vitals_samples import engine, key, vitals


def test_the_engine_is_judged_beside_the_store(market: str, tmp_path: Path) -> None:
    config = ApiConfig(dsn=market, port=0, vitals=tmp_path, ready_cache_s=0)
    with running(config) as address, httpx.Client(base_url=address) as client:
        names = {check["name"] for check in client.get("/ready").json()["checks"]}
        assert names == {"database", "migrations", "bars", "books"}
        now = time.monotonic_ns()
        write_vitals(tmp_path, msgspec.structs.replace(engine({"sim:A": key()}, behind=4), clock=now, state="resuming"))
        write_vitals(tmp_path, vitals("api", clock=0))
        told = {check["name"]: check for check in client.get("/ready").json()["checks"]}
        assert told.keys() == names | {"engine", "lag", "instruments", "desk", "ingesters"}
        assert told["engine"] == {"name": "engine", "ok": False, "detail": "is resuming"}
        families = {family.name for family in text_string_to_metric_families(client.get("/metrics").text)}
        assert {"candlewick_up", "candlewick_lag_messages", "candlewick_api_requests"} <= families
