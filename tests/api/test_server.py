"""The process: it ends when it is told to, whoever is connected."""

import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from websockets.sync.client import connect

from api.config import ApiConfig
from api.server import make_server
from sinks.database import DatabaseError
from tests.api.serving import wait_for

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


def test_a_malformed_connection_string_is_said_before_anything_is_served() -> None:
    with pytest.raises(DatabaseError, match="has an @ or / within user or password") as caught:
        make_server(ApiConfig(dsn="postgresql://me:hun@ter2@127.0.0.1/candlewick"))
    assert "ter2" not in str(caught.value)
