"""What the supervisor answers."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from flows.errors import FlowError
from flows.supervise.endpoint import endpoint
from schemas.vitals import Check

GOOD, BAD = Check(name="engine", ok=True, detail="runs"), Check(name="lag", ok=False, detail="7 messages to go")


@pytest.fixture
def told() -> list[Check]:
    return [GOOD]


@pytest.fixture
def client(told: list[Check]) -> Iterator[httpx.Client]:
    with (
        endpoint("127.0.0.1", 0, lambda: told, lambda: b"up 1.0\n") as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


def test_ready_only_if_every_check_says_so(client: httpx.Client, told: list[Check]) -> None:
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    told.append(BAD)
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"][1] == {"name": "lag", "ok": False, "detail": "7 messages to go"}


def test_health_metrics_and_nothing_else(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "up"}
    assert client.get("/metrics").text == "up 1.0\n"
    assert client.get("/metrics").headers["content-type"].startswith("text/plain")
    assert client.get("/etc/passwd").status_code == 404
    assert client.post("/ready").status_code == 501


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        refused = pytest.raises(FlowError, match=rf"^supervisor\.port {port} on 127\.0\.0\.1: ")
        with refused, endpoint("127.0.0.1", port, list, bytes):
            pass
