"""A stop at any moment is a good end, also before anything has begun."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

from flows.cluster import _supervise
from flows.process import command, spawn

_ROOT = Path(__file__).resolve().parents[2]
_ENDLESS = "import time\nprint('importing', flush=True)\nwhile True: time.sleep(0.01)\n"
"""A signal just before a sleep is seen after it, so each is short: no import waits for long."""


@pytest.fixture
def slow_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries that the command and its workers import first say so, and never come to an end."""
    for name in ("typer", "pydantic"):
        (tmp_path / f"{name}.py").write_text(_ENDLESS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(_ROOT)]))


@pytest.mark.usefixtures("slow_imports")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_runs_until_stopped_can_be_stopped_while_it_starts(number: signal.Signals) -> None:
    """With status 0 and without a word."""
    words = ["api", "demo", "ingest", "run", "store", "up"]
    starting = [
        subprocess.Popen(command(word), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for word in words
    ]
    for word, process in zip(words, starting, strict=True):
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(number)
        assert (word, process.wait(10), process.communicate()) == (word, 0, ("", ""))


@pytest.mark.usefixtures("slow_imports")
def test_who_comes_to_an_end_by_itself_says_that_it_was_killed() -> None:
    """Not done is not a good end."""
    with subprocess.Popen(command("replay"), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.terminate()
        assert process.wait(10) == -signal.SIGTERM


@pytest.mark.usefixtures("slow_imports")
def test_a_worker_can_be_stopped_while_it_starts(capfd: pytest.CaptureFixture[str]) -> None:
    """So that the engine ends well, whenever it is stopped."""
    worker = spawn("worker", b"")
    while "importing" not in capfd.readouterr().out:
        assert worker.poll() is None
    worker.terminate()
    assert worker.wait(10) == 0


def test_a_worker_that_a_stop_has_killed_is_no_failure() -> None:
    """It had not got so far as to know what SIGTERM asks for, and another one still does."""
    early = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    busy = subprocess.Popen(
        ["sh", "-c", "trap 'sleep 0.5; exit 0' TERM; echo ready; while :; do sleep 0.05; done"], stdout=subprocess.PIPE
    )
    assert busy.stdout is not None
    assert busy.stdout.readline() == b"ready\n"
    stop = Event()
    stop.set()
    _supervise([early, busy], stop)
    busy.stdout.close()
    assert (early.returncode, busy.returncode) == (-signal.SIGTERM, 0)
