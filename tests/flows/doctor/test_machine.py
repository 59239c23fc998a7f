import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest

from flows.doctor.machine import check_disk, check_native, check_port, check_recovery
from operators import native

GIB = 1 << 30


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(("free", "state"), [(100 * GIB, "ok"), (2 * GIB, "warn"), (GIB // 4, "bad")])
def test_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(200 * GIB, 200 * GIB - free, free))
    finding = check_disk(tmp_path / "not" / "yet")
    assert finding.state == state
    assert finding.found.endswith(f"at {tmp_path}")
    assert (finding.advice == "") == (state == "ok")


def test_a_disk_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Path) -> Usage:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(shutil, "disk_usage", broken)
    assert check_disk(tmp_path).state == "bad"


def test_a_recovery_directory_that_is_still_to_be_made(tmp_path: Path) -> None:
    finding = check_recovery(tmp_path / "recovery")
    assert (finding.state, finding.found) == ("ok", f"{tmp_path / 'recovery'} will be made at the first start")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("mode", "state"), [(0o700, "ok"), (0o755, "warn"), (0o770, "bad"), (0o777, "bad")])
def test_the_mode_of_the_recovery_directory(tmp_path: Path, mode: int, state: str) -> None:
    tmp_path.chmod(mode)
    finding = check_recovery(tmp_path)
    assert finding.state == state
    if state != "ok":
        assert finding.advice == f"chmod 700 {tmp_path}"


def test_a_recovery_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "is no directory" in check_recovery(tmp_path / "file").found
    assert "Not a directory" in check_recovery(tmp_path / "file" / "below").found


def test_a_recovery_directory_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    finding = check_recovery(tmp_path)
    assert finding.state == "bad"
    assert "we are user 12345" in finding.found


def test_a_recovery_directory_that_an_engine_holds(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with (tmp_path / "engine.lock").open("w") as lock:
        assert check_recovery(tmp_path).found.endswith(", free")
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert check_recovery(tmp_path).found.endswith("held by a running engine")


class _Api(BaseHTTPRequestHandler):
    body = b'{"status":"up","version":"9.9"}'

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, the signature is http.server's
        pass


class _Other(_Api):
    body = b"[1]"


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_the_port_when_the_api_serves_it() -> None:
    with serving(_Api) as port:
        finding = check_port("127.0.0.1", port)
    assert (finding.state, finding.found) == ("ok", f"127.0.0.1:{port} is served by Candlewick 9.9")


def test_the_port_when_another_program_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.doctor.machine._PATIENCE_S", 0.05)
    with serving(_Other) as port:
        assert check_port("127.0.0.1", port).found == f"127.0.0.1:{port} is taken by another program"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        finding = check_port("127.0.0.1", port)
    assert (finding.state, finding.advice) == ("bad", "stop that one, or set api.port")


def test_the_port_when_it_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    finding = check_port("127.0.0.1", port)
    assert (finding.state, finding.advice) == ("ok", "candlewick api")


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_a_host_that_is_not_ours(host: str) -> None:
    finding = check_port(host, 8300)
    assert (finding.state, finding.advice) == ("bad", "set api.host and api.port to what is ours")


def test_how_the_event_path_runs() -> None:
    assert check_native(wanted=False).found == "in Python, as engine.native is off"
    assert check_native(wanted=True).state == ("ok" if native.BUILT else "warn")
