"""The process: it ends when it is told to, whoever is connected."""

import signal
import socket
import ssl
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from websockets.sync.client import connect

from api.config import ApiConfig
from api.server import make_server
from benchmarks.api_load import serving
from flows.doctor.machine import check_port
from sinks.database import DatabaseError
from tests.api.market import BTC
from tests.api.serving import running, wait_for

PROGRAM = """
import sys
from api.config import ApiConfig
from api.server import make_server
make_server(ApiConfig(dsn=sys.argv[1], port=int(sys.argv[2]))).run()
"""


def test_sigterm_ends_it_with_status_0_soon(market: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, market, str(port)])
    try:

        def answers() -> bool:
            try:
                return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
            except httpx.TransportError:
                return False

        wait_for(answers, 30)
        with connect(f"ws://127.0.0.1:{port}/ws/signals") as client:
            client.recv(10)
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            assert time.monotonic() - begun < 8
    finally:
        process.kill()


def test_it_serves_https_by_itself(market: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    pair = authority.issue_cert("127.0.0.1")
    pair.private_key_pem.write_to_path(tmp_path / "key.pem")
    for part in pair.cert_chain_pems:
        part.write_to_path(tmp_path / "chain.pem", append=True)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    with running(ApiConfig(dsn=market, port=0, tls_certificate=str(chain), tls_key=str(key))) as address:
        answer = httpx.get(f"{address}/health", verify=trust)
        assert (answer.status_code, answer.headers["strict-transport-security"]) == (200, "max-age=31536000")
        with connect(f"wss{address.removeprefix('https')}/ws/signals", ssl=trust) as client:
            assert "heartbeat" in str(client.recv(10))
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http{address.removeprefix('https')}/health")
        port = int(address.rpartition(":")[2])
        assert check_port("127.0.0.1", port, tmp_path / "chain.pem").state == "ok"


def test_who_asks_and_takes_no_answer_is_cut_off(market: str) -> None:
    with serving({"dsn": market, "give_up_s": 1.0}) as (port, process), ExitStack() as stack:
        handles = Path(f"/proc/{process}/fd")
        before = len([*handles.iterdir()])
        for _ in range(5):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", port))
            client.sendall(f"GET /features/{BTC}?limit=500 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() * 20)
        wait_for(lambda: len([*handles.iterdir()]) >= before + 5)
        wait_for(lambda: len([*handles.iterdir()]) <= before + 4, 30)  # the pool may have opened connections


def test_who_sends_no_whole_request_is_cut_off(market: str) -> None:
    with (
        running(ApiConfig(dsn=market, port=0, request_timeout_s=1.0, heartbeat_s=0.1)) as address,
        ExitStack() as stack,
    ):
        to = ("127.0.0.1", int(address.rpartition(":")[2]))
        head = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        stream = stack.enter_context(connect(f"ws{address.removeprefix('http')}/ws/signals"))
        clients = [stack.enter_context(socket.create_connection(to, 0.05)) for _ in range(4)]
        begun = (b"", head, head + b"Content-Length: 99\r\n\r\nabc", head + b"\r\n" + head)
        for client, sent in zip(clients, begun, strict=True):
            client.sendall(sent)
        assert all(is_cut(client) for client in clients)
        for _ in range(12):  # a WebSocket has sent its one request
            assert "heartbeat" in str(stream.recv(10))


def is_cut(client: socket.socket) -> bool:
    """Whether ``client`` is cut off, however often it sends a byte more."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if not client.recv(65_536):
                return True
        except TimeoutError:
            with suppress(OSError):
                client.sendall(b"x")
        except OSError:
            return True
    return False


@pytest.mark.parametrize("config", [{"max_connections": 3}, {"max_connections_each": 3, "trusted_proxies": ()}])
def test_there_is_room_for_so_many_connections(market: str, config: dict[str, Any]) -> None:
    with running(ApiConfig(dsn=market, port=0, **config)) as address:
        to = ("127.0.0.1", int(address.rpartition(":")[2]))

        def status() -> int:
            with suppress(httpx.TransportError):  # cut off before it had sent all of its request
                return httpx.get(f"{address}/health").status_code
            return 0

        with ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(socket.create_connection(to))
            with socket.create_connection(to, 10) as more:
                assert more.recv(4096).startswith(b"HTTP/1.1 503 ")
            wait_for(lambda: status() == 503)
        wait_for(lambda: status() == 200)


def test_a_flood_leaves_descriptors() -> None:
    config = ApiConfig(dsn="")
    in_passing = 3 * make_server(config).config.backlog  # one line taken, one being refused, one being closed
    assert config.max_connections + in_passing < 1_000


def test_a_malformed_connection_string_is_said_before_anything_is_served() -> None:
    with pytest.raises(DatabaseError, match="has an @ or / within user or password") as caught:
        make_server(ApiConfig(dsn="postgresql://me:hun@ter2@127.0.0.1/candlewick"))
    assert "ter2" not in str(caught.value)
