"""Several engine workers on this host, a process each: start, watch, stop together."""

import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import ExitStack
from typing import Final

from pydantic import BaseModel

from flows.errors import FlowError
from flows.process import spawn, status_text
from flows.settings import Settings

__all__ = ["Task", "WorkerError", "run_cluster"]

_POLL_S: Final = 0.1
_PATIENCE_S: Final = 8.0
"""For a clean end of all workers."""


class WorkerError(FlowError):
    """A worker has ended before its time; the status is its own, or 1 if it was killed.

    No text where it has told the reason itself: that is the last line that anybody should see.
    """

    def __init__(self, name: str, status: int, effect: str) -> None:
        super().__init__("" if status > 0 else f"{name} {status_text(status)}; {effect}")
        self.exit_status = max(status, 1)


class Task(BaseModel):
    """What a worker process is told."""

    settings: Settings
    addresses: list[str]
    number: int
    until_end: bool
    parent: int


def run_cluster(settings: Settings, stop: threading.Event, *, until_end: bool) -> None:
    """Run ``settings.engine.workers`` processes until they end; ``stop`` asks them to.

    Raises:
        FlowError: one of them failed; all are stopped, and resume from the last epoch that all had finished.
    """
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(settings.engine.workers)]
    tasks = [
        Task(settings=settings, addresses=addresses, number=number, until_end=until_end, parent=os.getpid())
        for number in range(len(addresses))
    ]
    workers: list[subprocess.Popen[bytes]] = []
    try:
        for task in tasks:
            workers.append(spawn("worker", task.model_dump_json().encode()))  # noqa: PERF401, ended below if one fails
        _supervise(workers, stop)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def _supervise(workers: "list[subprocess.Popen[bytes]]", stop: threading.Event) -> None:
    deadline: float | None = None
    while any(worker.poll() is None for worker in workers):
        good = {None, 0} if deadline is None else {None, 0, -signal.SIGTERM}  # it may not have been ready for ours
        for number, worker in enumerate(workers):
            if worker.poll() not in good:  # the others would wait for it for ever
                raise WorkerError(f"engine worker {number}", worker.returncode, "all were stopped")
        if deadline is not None:
            if time.monotonic() > deadline:
                return  # whoever still runs is killed: what it has not finished is read again
            time.sleep(_POLL_S)
        elif stop.wait(_POLL_S):
            deadline = time.monotonic() + _PATIENCE_S
            for worker in workers:
                worker.terminate()


def _free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on; the cluster's messages are pickles, never public."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
