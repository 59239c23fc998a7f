"""Who may ask, what a browser may do with an answer, and what nobody gets: a traceback."""

import httpx
import pytest

from api.app import create_app
from api.config import ApiConfig
from tests.api.market import BTC
from tests.api.serving import running

PATHS = ["/", "/health", "/signals", f"/bars/{BTC}", "/nothing", "/static/style.css", "/metrics", "/openapi.json"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_tells_browsers_to_trust_nothing_else(api: httpx.Client, path: str) -> None:
    headers = api.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_the_page_has_no_script_or_style_of_its_own(api: httpx.Client) -> None:
    page = api.get("/").text
    assert "<script>" not in page
    assert "style=" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_hosts_that_are_ours(market: str) -> None:
    hosts = ["127.0.0.1", "127.0.0.1:8300", "localhost:1", "LOCALHOST", "[::1]:8300", "10.1.2.3", "desk.example"]
    config = ApiConfig(dsn=market, port=0, allowed_hosts=("desk.example",))
    with running(config) as address, httpx.Client(base_url=address) as api:
        assert [api.get("/health", headers={"host": host}).status_code for host in hosts] == [200] * len(hosts)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::1", ""])
def test_hosts_that_are_not(api: httpx.Client, host: str) -> None:
    answer = api.get("/signals", headers={"host": host})
    assert answer.status_code == 421
    assert answer.json()["error"].startswith(f"host {host!r} is not served here")


def test_another_sites_page_may_not_ask(api: httpx.Client) -> None:
    answer = api.get("/signals", headers={"origin": "https://evil.example"})
    assert (answer.status_code, answer.json()["error"]) == (403, "pages of 'https://evil.example' may not read here")
    assert api.get("/signals", headers={"origin": "null"}).status_code == 403
    assert api.get("/signals", headers={"origin": str(api.base_url).rstrip("/")}).status_code == 200


def test_named_sites_may_ask_and_no_others(market: str) -> None:
    desk = {"origin": "https://desk.example"}
    preflight = {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}
    with running(ApiConfig(dsn=market, port=0, cors_origins=(desk["origin"],))) as address:
        answer = httpx.get(f"{address}/signals", headers=desk)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, desk["origin"])
        assert "access-control-allow-credentials" not in answer.headers
        asked = httpx.options(f"{address}/signals", headers={**desk, **preflight})
        assert (asked.status_code, asked.headers["access-control-allow-headers"].lower()) == (
            200, "accept, accept-language, authorization, content-language, content-type",
        )  # fmt: skip
        refused = httpx.get(f"{address}/keys", headers=desk)  # its page can read why
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, desk["origin"])
        for other in (
            "https://desk.example.evil",
            "http://desk.example",
            "https://desk.example:444",
            "http://[",
            "null",
        ):
            assert httpx.get(f"{address}/signals", headers={"origin": other}).status_code == 403


def test_browsers_are_told_to_stay_with_tls_only_where_there_is_tls(api: httpx.Client) -> None:
    assert "strict-transport-security" not in api.get("/health").headers
    behind = api.get("/health", headers={"x-forwarded-proto": "https"}).headers
    assert behind["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_written(api: httpx.Client, method: str) -> None:
    answer = api.request(method, "/signals")
    assert answer.status_code == 405
    assert answer.json() == {"error": f"{method} is not possible here; everything is read by GET"}


@pytest.mark.parametrize("path", ["/static/../api/app.py", "/static/..%2fconfig.py", "/static/%2e%2e/app.py", "/docs"])
def test_nothing_else_is_served(api: httpx.Client, path: str) -> None:
    assert api.get(path).status_code == 404


def test_a_page_is_asked_for_again_and_an_answer_is_not_kept(api: httpx.Client) -> None:
    style = api.get("/static/style.css")
    assert style.headers["cache-control"] == "no-cache"
    assert api.get("/static/style.css", headers={"if-none-match": style.headers["etag"]}).status_code == 304
    assert api.get("/signals").headers["cache-control"] == "no-store"


def test_long_answers_are_packed(api: httpx.Client) -> None:
    assert api.get(f"/bars/{BTC}", params={"limit": 100}).headers["content-encoding"] == "gzip"


@pytest.mark.anyio
async def test_a_defect_is_one_line_for_the_caller_and_tells_the_log_no_key(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(ApiConfig(dsn=""))

    @app.get("/defect")
    async def defect() -> None:
        raise ZeroDivisionError

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/defect?key=cwk_1_hunter2", headers={"authorization": "Bearer cwk_1_hunter2"})
    assert answer.status_code == 500
    assert answer.json() == {"error": "the API failed on this request; its log has the details"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "GET /defect failed" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
