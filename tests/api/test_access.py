"""Keys and roles: who is let in to what, how a key ends, and what is said to whom."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import msgspec
import pytest
from starlette.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as connect_socket
from websockets.typing import Subprotocol

from api.access import Keyring, presented
from api.config import ApiConfig
from api.database import Database
from api.errors import UnauthorizedError, UnavailableError
from sinks.api_keys import KeyRole, add_key, key_id, revoke_key
from sinks.database import connect
from tests.api.market import BTC, definition, fill, signal
from tests.api.serving import running, wait_for

START = 1_723_161_600_000_000_000
DATA = [
    "/signals", f"/signals/{BTC}", f"/bars/{BTC}", f"/features/{BTC}", f"/books/{BTC}", f"/levels/{BTC}?timeframe=5m",
    "/gaps", "/models/status", f"/models/majors/{0:016x}",
]  # fmt: skip


def key(store: str, role: KeyRole = "read", days: float | None = None) -> str:
    """A new one."""
    with connect(store) as connection:
        return add_key(connection, "desk", role, days=days)[1]


def revoke(store: str, text: str) -> None:
    with connect(store) as connection:
        revoke_key(connection, key_id(text) or "")


def bearing(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


@contextmanager
def asking(store: str, *, hosts: tuple[str, ...] = (), open_to_all: bool = False) -> Iterator[httpx.Client]:
    """The API over ``store``; with ``hosts`` it is not of this machine alone."""
    config = ApiConfig(
        dsn=store, port=0, allowed_hosts=hosts, open_to_all=open_to_all, keys_interval_s=0.05, poll_interval_s=0.02,
        heartbeat_s=0.1,
    )  # fmt: skip
    with running(config) as address, httpx.Client(base_url=address) as client:
        yield client


@pytest.fixture
def store(store: str) -> str:
    fill(store, [definition(BTC, START)])
    return store


def test_on_this_machine_alone_reading_takes_no_key_until_there_is_one(store: str) -> None:
    with asking(store) as api:
        assert {api.get(path).status_code for path in [*DATA, "/stats"]} == {200}
        refused = api.get("/keys")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="candlewick"')
        text = key(store)
        wait_for(lambda: api.get("/signals").status_code == 401)
        assert api.get("/signals").json()["error"].startswith("this takes a key: send `Authorization: Bearer cwk_...`")
        assert api.get("/signals", headers=bearing(text)).status_code == 200
        assert api.get("/metrics").status_code == 200
        revoke(store, text)
        wait_for(lambda: api.get("/signals", headers=bearing(text)).status_code == 401)
        assert api.get("/signals").status_code == 401  # keys are in use here, though none is valid now


def test_elsewhere_everything_takes_a_key_but_what_tells_nothing(store: str) -> None:
    with asking(store, hosts=("desk.example",)) as api:
        paths = [path.replace("{symbol}", BTC) for path in api.get("/openapi.json").json()["paths"]]
        assert {path for path in paths if api.get(path).status_code == 401} == {*paths} - {"/health", "/ready"}
        assert api.get("/").status_code == api.get("/static/style.css").status_code == 200
        assert api.get("/ready").json() == {"ready": False, "checks": []}
        text = key(store)
        wait_for(lambda: api.get("/metrics", headers=bearing(text)).status_code == 200)
        assert api.get("/ready", headers=bearing(text)).json()["checks"] != []


def test_who_opens_it_to_all_lets_them_read(store: str) -> None:
    key(store)
    with asking(store, hosts=("desk.example",), open_to_all=True) as api:
        assert api.get("/signals").status_code == 200
        assert api.get("/signals", headers=bearing("cwk_0_0")).status_code == 401  # who sends a key means it
        assert api.get("/keys").status_code == 401


@pytest.mark.parametrize(("role", "status"), [("read", 403), ("review", 403), ("admin", 200)])
def test_a_greater_role_may_what_a_lesser_one_may(store: str, role: KeyRole, status: int) -> None:
    text = key(store, role)
    with asking(store) as api:
        assert api.get("/signals", headers=bearing(text)).status_code == 200
        answer = api.get("/keys", headers=bearing(text))
        assert answer.status_code == status
        if status == 403:
            assert answer.json()["error"] == f"key {key_id(text)} has the role {role}, and this takes admin"
        else:
            (known,) = answer.json()["items"]
            assert known.keys() == {"id", "name", "role", "created_at", "expires_at", "revoked_at"}


def test_what_is_not_the_key_opens_nothing(store: str) -> None:
    text, ended = key(store), key(store, days=1e-9)
    wrong = [text[:-1], text + "x", text.upper(), ended, "x", "cwk__", f"cwk_{key_id(text)}_", "x" * 5000]
    with asking(store) as api:
        for each in wrong:
            answer = api.get("/signals", headers=bearing(each))
            assert answer.status_code == 401
            assert answer.json()["error"] == "this key is unknown or has ended; `candlewick keys add` makes another"
        assert api.get(f"/signals?key={text}&token={text}&authorization=Bearer%20{text}").status_code == 401
        assert api.get("/signals", headers={"authorization": f"Basic {text}"}).status_code == 401


NOWHERE = ApiConfig(dsn="host=127.0.0.1 port=1 dbname=x", port=0, allowed_hosts=("d",), connect_timeout_s=0.1)


@pytest.mark.anyio
async def test_while_the_store_is_away_what_was_known_goes_on(store: str) -> None:
    text, keyring = key(store), Keyring(NOWHERE)
    async with Database(ApiConfig(dsn=store)) as here, Database(NOWHERE) as away:
        await keyring.refresh(away)
        with pytest.raises(UnavailableError, match="cannot be reached"):
            keyring.check(keyring.identify(text), "read")
        await keyring.refresh(here)
        await keyring.refresh(away)
        keyring.check(keyring.identify(text), "read")
        with pytest.raises(UnauthorizedError):
            keyring.check(keyring.identify(None), "read")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_nobody_is_let_in_before_the_keys_are_known(store: str) -> None:
    text = key(store)
    with running(NOWHERE) as address:
        answer = httpx.get(f"{address}/metrics", headers=bearing(text))
        assert (answer.status_code, answer.json()["error"].split(";")[0]) == (503, "the database cannot be reached")
        assert httpx.get(f"{address}/health").status_code == 200


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"authorization": "Bearer a_b_c"}, "a_b_c"),
        ({"authorization": "bearer  a_b_c "}, "a_b_c"),
        ({"authorization": "Bearer"}, ""),
        ({"authorization": "Basic a_b_c"}, None),
        ({"sec-websocket-protocol": "candlewick, a_b_c"}, "a_b_c"),
        ({"sec-websocket-protocol": "a_b_c,candlewick"}, "a_b_c"),
        ({"sec-websocket-protocol": "candlewick"}, None),
        ({"sec-websocket-protocol": "other, a_b_c"}, None),
        ({}, None),
    ],
)
def test_where_a_key_is_looked_for(headers: dict[str, str], key: str | None) -> None:
    assert presented(Headers(headers)) == key


def test_a_stream_takes_a_key_and_ends_with_it(store: str) -> None:
    text, other = key(store), key(store)
    with asking(store) as api:
        url = f"ws{str(api.base_url).removeprefix('http').rstrip('/')}/ws/signals"
        for headers, query in (({}, ""), (bearing("cwk_0_0"), ""), ({}, f"?key={text}")):
            with pytest.raises(InvalidStatus) as refused:
                connect_socket(url + query, additional_headers=headers)
            assert refused.value.response.status_code == 401
            assert b"key" in (refused.value.response.body or b"")
        with (
            connect_socket(url, subprotocols=[Subprotocol("candlewick"), Subprotocol(text)]) as browser,
            connect_socket(url, additional_headers=bearing(other)) as program,
        ):
            assert (browser.subprotocol, program.subprotocol) == ("candlewick", None)
            for stream in (browser, program):
                assert msgspec.json.decode(stream.recv(10))["type"] == "heartbeat"
            revoke(store, text)
            while (last := msgspec.json.decode(browser.recv(10)))["type"] == "heartbeat":
                pass
            assert last == {"type": "refusal", "error": "the key that opened this has ended"}
            with pytest.raises(ConnectionClosed, match="1008"):
                browser.recv(10)
            fill(store, signal(BTC, START, 64_000.0))
            while msgspec.json.decode(program.recv(10))["type"] != "signal":
                pass


@pytest.mark.parametrize(
    ("host", "hosts", "local"),
    [
        ("127.0.0.1", (), True), ("127.9.9.9", (), True), ("::1", (), True), ("localhost", (), True),
        ("10.1.2.3", (), False), ("::", (), False), ("192.0.2.1", (), False), ("desk.example", (), False),
        ("127.0.0.1", ("desk.example",), False), ("", (), False),
    ],
)  # fmt: skip
def test_who_can_reach_it(host: str, hosts: tuple[str, ...], *, local: bool) -> None:
    assert ApiConfig(dsn="", host=host, allowed_hosts=hosts).is_local == local
