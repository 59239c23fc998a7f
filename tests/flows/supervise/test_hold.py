"""One supervisor a stage and directory."""

import fcntl
import multiprocessing
import os
import signal
import struct
import threading
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from flows.errors import FlowError
from flows.supervise.hold import hold


def _holding(directory: Path, held: Event) -> None:
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with hold(directory, ["engine"], take_over=False, stop=lambda: False):
        held.set()
        ended.wait(30)


@pytest.fixture
def other(tmp_path: Path) -> "multiprocessing.process.BaseProcess":
    """Another process that supervises the engine."""
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=_holding, args=(tmp_path, held), daemon=True)
    process.start()
    assert held.wait(30)
    return process


def test_a_second_one_is_refused_and_named_what_it_may_do(
    tmp_path: Path, other: "multiprocessing.process.BaseProcess"
) -> None:
    with (
        pytest.raises(FlowError, match=rf"process {other.pid} supervises the engine here; .*--take-over"),
        hold(tmp_path, ["store", "engine"], take_over=False, stop=lambda: False),
    ):
        pass
    with hold(tmp_path, ["store", "api"], take_over=False, stop=lambda: False):
        assert (tmp_path.stat().st_mode & 0o777) == 0o700
    other.terminate()
    other.join(10)


def test_taking_over_waits_until_the_other_has_ended(
    tmp_path: Path, other: "multiprocessing.process.BaseProcess"
) -> None:
    with hold(tmp_path, ["engine"], take_over=True, stop=lambda: False):
        other.join(10)
        assert other.exitcode == 0


def test_a_killed_one_leaves_nothing_behind(tmp_path: Path, other: "multiprocessing.process.BaseProcess") -> None:
    assert other.pid is not None
    os.kill(other.pid, signal.SIGKILL)
    other.join(10)
    with hold(tmp_path, ["engine"], take_over=False, stop=lambda: False):
        pass


@pytest.mark.parametrize("take_over", [False, True])
def test_a_holder_that_is_no_process_here_is_not_signalled(tmp_path: Path, *, take_over: bool) -> None:
    """The kernel says -1 of a lock that belongs to an open file, as of others over a network: kill(-1) is everybody."""
    with (tmp_path / "engine.lock").open("w") as file:
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        with (
            pytest.raises(FlowError, match="the engine is held elsewhere"),
            hold(tmp_path, ["engine"], take_over=take_over, stop=lambda: True),
        ):
            pass
