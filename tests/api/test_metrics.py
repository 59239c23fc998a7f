import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.api.market import BTC


def test_requests_are_counted_by_route_and_the_store_is_measured(api: httpx.Client) -> None:
    def samples() -> dict[tuple[str, str], float]:
        families = text_string_to_metric_families(api.get("/metrics").text)
        return {(s.name, str(sorted(s.labels.values()))): s.value for f in families for s in f.samples}

    before = samples()
    for _ in range(3):
        api.get(f"/bars/{BTC}")
        api.get("/bars/nope:X")
        api.get("/no/such/thing")
    for invented in ("BREW", "BREW2"):
        api.request(invented, "/signals")
    after = samples()

    def grown(name: str, *labels: str) -> float:
        key = (name, str(sorted(labels)))
        return after[key] - before.get(key, 0.0)

    requests = "candlewick_api_requests_total"
    assert grown(requests, "other", "/signals", "405") == 2
    assert not any("BREW" in labels for _, labels in after)
    assert grown(requests, "GET", "/bars/{symbol:path}", "200") == 3
    assert grown(requests, "GET", "/bars/{symbol:path}", "404") == 3
    assert grown(requests, "GET", "none", "404") == 3
    assert grown("candlewick_api_request_seconds_count", "/bars/{symbol:path}") == 6
    assert after[("candlewick_api_database_up", "[]")] == 1
    assert after[("candlewick_stored_rows", "['signals']")] > 0
    assert 0 < after[("candlewick_newest_age_seconds", "['books']")] < 7200
    assert ("candlewick_newest_age_seconds", "['outcomes']") not in after
