"""What Bytewax does around our flows."""

import socket
from pathlib import Path

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource

from flows.runtime import run_here


def listening() -> set[str]:
    """Sockets of this process that wait for connections."""
    ours = {path.readlink().name for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}
    rows = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/self/net/{name}").read_text().splitlines()
    ]
    return {row[1] for row in rows[1:] if row[3] == "0A" and f"socket:[{row[9]}]" in ours}


def test_no_web_server_is_started_even_where_one_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BYTEWAX_DATAFLOW_API_ENABLED", "1")
    monkeypatch.setenv("BYTEWAX_DATAFLOW_API_CACHE_PATH", str(tmp_path))
    seen: list[set[str]] = []
    flow = Dataflow("quiet")
    op.output("out", op.map("look", op.input("in", flow, TestingSource([0])), lambda _: listening()), TestingSink(seen))
    with socket.create_server(("127.0.0.1", 0)):
        before = listening()
        run_here(flow)
    assert before  # ours, and those of the tests before
    assert seen == [before]
