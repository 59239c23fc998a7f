"""The newcomer's first command, on the embedded parts."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.integration.pipeline import until

pytestmark = pytest.mark.integration

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


def start(folder: Path, port: int, *arguments: str) -> "subprocess.Popen[str]":
    """``candlewick demo`` with its API at ``port``."""
    environment = {**os.environ, "CANDLEWICK_API__PORT": str(port), "PYTHONPATH": str(_ROOT)}
    folder.parent.joinpath("candlewick.toml").write_text('[kafka.client]\n"security.protocol" = "SSL"\n')  # no concern
    command = [sys.executable, "-m", "flows.cli.main", "demo", "--folder", str(folder), *arguments]
    return subprocess.Popen(
        command,
        cwd=folder.parent,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )


def signals(port: int) -> int:
    """Published signals that the API shows; 0 as long as it does not answer."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/signals", timeout=5) as answer:
            return len(json.load(answer)["items"])
    except OSError:
        return 0


def left_behind(parent: int, folder: Path) -> list[str]:
    """Command lines of processes that belong to a demo that is over."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if str(folder) in " ".join(words) or words[2:4] == ["flows.child", str(parent)]:
            found.append(" ".join(words))
    return found


def test_ends_by_itself_with_a_table(tmp_path: Path, port: int) -> None:
    """Every stage has let something through, and nothing is left running."""
    demo = start(tmp_path / "demo", port, "--seconds", "14")
    out, err = demo.communicate(timeout=90)
    assert demo.returncode == 0, err
    lines = [line.replace("│", " ").split() for line in out.splitlines()]
    counts = {words[0]: words[1:] for words in lines if words and "." in words[0]}
    for topic in ("market.events", "features.bars", "features.vectors", "signals.candidates", "signals.published"):
        assert int(counts[topic][0].replace(",", "")) > 0, out
    messages, table, rows = counts["signals.published"]
    assert table == "signals"
    assert 0 < int(rows) <= int(messages)
    assert not left_behind(demo.pid, tmp_path)


def test_killed_it_leaves_nothing_and_starts_again(tmp_path: Path, port: int) -> None:
    """kill -9 takes everything with it; the second start has a market again, and Ctrl-C ends it."""
    folder = tmp_path / "demo"
    first = start(folder, port)
    until(lambda: signals(port) > 0, "signals of the first demo", first, patience_s=150)
    first.kill()
    first.communicate()
    until(lambda: not left_behind(first.pid, folder), f"an end of {left_behind(first.pid, folder)}", patience_s=15)

    second = start(folder, port)
    until(lambda: signals(port) > 0, "signals of the second demo", second, patience_s=150)
    second.send_signal(signal.SIGINT)
    _, err = second.communicate(timeout=30)
    assert second.returncode == 0, err
    assert not left_behind(second.pid, folder)


def test_names_a_taken_port(tmp_path: Path) -> None:
    """One line, and nothing was started."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        demo = start(tmp_path / "demo", taken)
        _, err = demo.communicate(timeout=30)
    assert demo.returncode == 2
    assert err.startswith(f"candlewick: api.port {taken} on 127.0.0.1: Address already in use")
    assert not (tmp_path / "demo").exists()
