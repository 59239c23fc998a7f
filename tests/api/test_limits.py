"""How often and how much one may ask."""

from collections.abc import AsyncIterator
from itertools import count

import httpx
import pytest
from fastapi import Request

from api.app import create_app
from api.config import ApiConfig
from api.limits import Rate
from sinks.api_keys import add_key
from sinks.database import connect
from tests.api.serving import running


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_two_seconds_worth_comes_at_once_and_then_one_at_a_time() -> None:
    clock = Clock()
    rate = Rate(10.0, clock)
    assert [rate.wait("a") for _ in range(20)] == [0.0] * 20
    assert rate.wait("a") == pytest.approx(0.1)
    assert rate.wait("b") == 0.0
    clock.now += 0.05
    assert rate.wait("a") == pytest.approx(0.05)  # what was refused is not counted
    clock.now += 0.0501
    assert rate.wait("a") == 0.0
    assert rate.wait("a") > 0.0
    clock.now += 3600
    assert [rate.wait("a") for _ in range(20)] == [0.0] * 20
    assert rate.wait("a") > 0.0


def test_so_many_callers_are_remembered_and_no_more() -> None:
    rate = Rate(1.0, Clock())
    for number in range(12_000):
        rate.wait(f"caller {number}")
    assert len(rate._due) == 10_000


def test_who_asks_too_often_is_told_when_to_come_back(store: str) -> None:
    with connect(store) as connection:
        keys = [add_key(connection, "desk", "read")[1] for _ in range(2)]
    with running(ApiConfig(dsn=store, port=0, rate_limit=5.0)) as address:
        for key in (*keys, ""):  # a key, another, and none: each has its own measure
            with httpx.Client(base_url=address, headers={"authorization": f"Bearer {key}"} if key else {}) as api:
                answer = next(answer for _ in count() if (answer := api.get("/health")).status_code != 200)
            assert answer.status_code == 429
            assert answer.headers["retry-after"] == "1"
            assert answer.json() == {"error": "too many requests; ask again in 1 s"}
            assert answer.headers["x-content-type-options"] == "nosniff"


def test_addresses_count_a_proxy_s_clients_apart(market: str) -> None:
    config = ApiConfig(dsn=market, port=0, rate_limit=1.0)
    with running(config) as address, httpx.Client(base_url=address) as api:

        def asked(client: str) -> int:
            return api.get("/health", headers={"x-forwarded-for": client}).status_code

        one_network = [asked(f"2001:db8:1:2::{number}") for number in range(3)]
        assert one_network == [200, 200, 429]
        assert asked("2001:db8:1:3::1") == asked("192.0.2.1") == 200


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_a_body_has_a_bound_whether_or_not_its_length_is_said() -> None:
    app = create_app(ApiConfig(dsn="", max_body=1000))

    @app.post("/length")
    async def length(request: Request) -> int:
        return len(await request.body())

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 100

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.post("/length", content=b"x" * 1000)).json() == 1000
        for body in (b"x" * 1001, chunks()):
            answer = await client.post("/length", content=body)
            assert answer.status_code == 413
            assert answer.json() == {"error": "a body of more than 1000 bytes is not taken"}
