"""What a job is told, and what it says of itself."""

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

import msgspec

__all__ = ["Clock", "Measure", "Task", "answer", "free_ports", "result", "run", "tuned"]

_ROOT: Final = Path(__file__).resolve().parents[2]
_CONSUMER: Final[dict[str, Any]] = {
    "group.id": "benchmark", "enable.auto.commit": False, "auto.offset.reset": "earliest",
    "fetch.queue.backoff.ms": 5, "fetch.wait.max.ms": 100, "queued.max.messages.kbytes": 16_384,
}  # fmt: skip
"""The engine's own settings: librdkafka's default ``fetch.queue.backoff.ms`` would make everyone slow alike."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Read the log of the broker at ``bootstrap`` to its present end."""

    bootstrap: str
    messages: int
    topic: str = "market.events"
    output: str = "features"
    folder: str = ""
    options: dict[str, Any] = {}


class Measure(msgspec.Struct, kw_only=True):
    """From the first message to the end of all work, in monotonic seconds of this machine."""

    messages: int
    began: float
    ended: float
    cpu: float
    """Seconds of the process, its Kafka client's threads included."""
    memory: int = 0
    """Most bytes resident."""
    more: dict[str, Any] = {}

    @property
    def seconds(self) -> float:
        """Wall time."""
        return self.ended - self.began

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds


class Clock:
    """Begins when first told so."""

    def __init__(self) -> None:
        self.began: float | None = None
        self._cpu = 0.0

    def begin(self) -> Self:
        """Note the time, once."""
        if self.began is None:
            self.began, self._cpu = time.monotonic(), time.process_time()
        return self

    def end(self, messages: int, **more: Any) -> Measure:
        """What was measured."""
        assert self.began is not None
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        cpu = time.process_time() - self._cpu
        return Measure(messages=messages, began=self.began, ended=time.monotonic(), cpu=cpu, memory=memory, more=more)


def tuned(bootstrap: str) -> dict[str, Any]:
    """A consumer's settings, the same for everyone who can be told them."""
    return {"bootstrap.servers": bootstrap, **_CONSUMER}


def answer(measure: Callable[[Task], Measure]) -> None:
    """Be a job: read the task from standard input, write the measure to standard output."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    sys.stdout.buffer.write(b"\n" + msgspec.json.encode(measure(task)) + b"\n")
    sys.stdout.flush()


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def run(module: str, task: Task, python: str | None = None) -> "subprocess.Popen[bytes]":
    """Start ``benchmarks.<module>``; `result` waits for it."""
    job = subprocess.Popen(
        [python or sys.executable, "-m", f"benchmarks.{module}"], cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT)}, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert job.stdin is not None
    job.stdin.write(msgspec.json.encode(task))
    job.stdin.close()
    job.stdin = None
    return job


def result(job: "subprocess.Popen[bytes]", patience_s: float = 600.0) -> Measure:
    """What the job measured.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    try:
        out, err = job.communicate(timeout=patience_s)
    finally:
        job.kill()
    if job.returncode:
        raise RuntimeError(f"{job.args!r}: {err.decode(errors='replace')[-2_000:]}")
    return msgspec.json.decode(out.splitlines()[-1], type=Measure)
