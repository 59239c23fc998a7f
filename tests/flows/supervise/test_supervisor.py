"""The loop, over processes that do nothing but live, die or refuse."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.errors import FlowError
from flows.settings import Settings, SupervisorSettings
from flows.supervise.supervisor import CrashLoopError, Supervisor
from flows.vitals import Pulse
from sinks.vitals import read_vitals
from tests.api.serving import wait_for

LIVES = """
import os, sys, time, signal
from pathlib import Path
from flows.vitals import Pulse
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with Pulse(Path(sys.argv[1]), "engine") as pulse:
    pulse.at_work()
    while True:
        pulse.turn()
        time.sleep(0.02)
"""
"""An engine as far as a supervisor can see."""


class Run:
    """A supervisor in a thread."""

    def __init__(self, folder: Path, *script: str, stall_s: float = 20.0, deaths: int = 5) -> None:
        command = [sys.executable, "-c", *script, str(folder)]
        told = SupervisorSettings(dir=folder, stall_s=stall_s, deaths=deaths)
        self.folder, self.stop, self.renew = folder, threading.Event(), threading.Event()
        self.error: Exception | None = None
        self.pulse = Pulse(folder, "supervisor", stop=self.stop.is_set)
        self.supervisor = Supervisor(Settings(supervisor=told), {"engine": command}, self.stop, self.renew, self.pulse)
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            with self.pulse:
                self.supervisor.run()
        except FlowError as error:
            self.error = error

    def engine(self) -> int:
        """The process that is at work; 0 if none is."""
        return next((one.pid for one in read_vitals(self.folder, ["engine"]) if one.state == "running"), 0)

    def wait_for_another(self, than: int) -> int:
        """The engine's next process."""
        wait_for(lambda: self.engine() not in (0, than), 20)
        return self.engine()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """A maker of runs that are ended after the test."""
    runs: list[Run] = []

    def start(*script: str, **more: float) -> Run:
        made = Run(tmp_path, *script, **more)  # type: ignore[arg-type]  # settings by name
        runs.append(made)
        made.thread.start()
        return made

    yield start
    for one in runs:
        one.stop.set()
        one.thread.join(15)
        assert not one.thread.is_alive()


def test_who_is_killed_is_there_again_and_all_end_when_told(run: Callable[..., Run]) -> None:
    running = run(LIVES)
    first = running.wait_for_another(0)
    os.kill(first, signal.SIGKILL)
    second = running.wait_for_another(first)
    assert running.pulse.counts["restarts.engine"] == 1
    assert {check.name: check.ok for check in running.supervisor.checks()}["engine"]
    running.stop.set()
    running.thread.join(15)
    assert running.error is None
    assert not Path(f"/proc/{second}").exists()


def test_who_is_stopped_is_found_and_replaced(run: Callable[..., Run]) -> None:
    running = run(LIVES, stall_s=2.0)
    first = running.wait_for_another(0)
    os.kill(first, signal.SIGSTOP)
    running.wait_for_another(first)
    assert running.pulse.counts["stalls.engine"] == 1


def test_renewed_it_is_another_process_and_no_death(run: Callable[..., Run]) -> None:
    running = run(LIVES, deaths=1)
    first = running.wait_for_another(0)
    running.renew.set()
    running.wait_for_another(first)
    assert running.error is None


def test_wrong_settings_renew_nothing(run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    running = run(LIVES)
    first = running.wait_for_another(0)
    monkeypatch.setenv("CANDLEWICK_ENGINE__WORKERS", "none")
    running.renew.set()
    wait_for(lambda: not running.renew.is_set())
    monkeypatch.delenv("CANDLEWICK_ENGINE__WORKERS")
    running.renew.set()
    running.wait_for_another(first)
    assert running.pulse.counts["restarts.engine"] == 1


@contextmanager
def ends(running: Run) -> Iterator[None]:
    running.thread.join(30)
    assert not running.thread.is_alive()
    yield


def test_who_dies_again_and_again_is_given_up(run: Callable[..., Run]) -> None:
    running = run("import sys; sys.exit('the roof is on fire')", deaths=3)
    with ends(running):
        assert isinstance(running.error, CrashLoopError)
        assert str(running.error).startswith("engine ended with status 1: the roof is on fire; it died 3 times within")
        assert running.error.exit_status == 70


def test_who_refuses_is_not_started_again(run: Callable[..., Run]) -> None:
    running = run("import sys; print('candlewick: no such setting', file=sys.stderr); sys.exit(2)")
    with ends(running):
        assert str(running.error).startswith("engine ended with status 2: no such setting; a person has to mend that")
        assert running.pulse.counts["restarts.engine"] == 0


def test_who_goes_without_a_broker_is_tried_again(run: Callable[..., Run]) -> None:
    running = run("import sys; print('no broker', file=sys.stderr); sys.exit(75)", deaths=1)
    wait_for(lambda: running.pulse.counts["restarts.engine"] >= 3, 20)
    (check,) = [check for check in running.supervisor.checks() if check.name == "engine"]
    assert not check.ok
    assert running.error is None
