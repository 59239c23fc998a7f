"""The API under many WebSocket clients, some of which read nothing: ``python -m benchmarks.api_load``.

Four processes: the API; the clients of its stream; the requests of a few pages, timed; and this one, which stores
signals as `candlewick store` does, some every second and a burst when many instruments close at once.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from typing import Final

import httpx
import msgspec
from msgspec import Struct

from benchmarks.listeners import Heard, listen
from benchmarks.machine import processor_s
from flows.embedded.postgres import EmbeddedPostgres
from schemas.time import MINUTE
from sinks.migrate import migrate
from tests.api.market import BTC, Filler, fill, history, signal

__all__ = ["Load", "Report", "drive", "main", "serving", "store"]

_PROGRAM: Final = """
import sys, msgspec
from api.config import ApiConfig
from api.server import make_server
make_server(msgspec.json.decode(sys.argv[1], type=ApiConfig)).run()
"""
_PATHS: Final = (
    "/signals?limit=40", "/instruments", f"/bars/{BTC}?limit=500", f"/books/{BTC}?samples=60", "/stats", "/health", "/",
    f"/features/{BTC}?names=ema_20,ema_50&limit=100", "/gaps?limit=12", f"/signals/{BTC}",
)  # fmt: skip
_BURST_EVERY: Final = 5
_PATIENCE_S: Final = 60.0


class Load(Struct, frozen=True, kw_only=True):
    """What is done to the API."""

    clients: int = 200
    stalled: int = 50
    seconds: int = 60
    signals: int = 5
    """A second."""
    burst: int = 60
    """Signals at once, every fifth second."""
    requests: float = 20.0
    """A second."""


class Report(Struct, frozen=True, kw_only=True):
    """What came of it."""

    signals: int
    complete: int
    """Clients that were sent all of them, each once and in order."""
    dropped: int
    """Stalled clients that the API has given up."""
    statuses: dict[int, int]
    request_s: list[float]
    delivery_s: list[float]
    processor_s: float
    """Of the API's process, over all of it."""
    memory_mb: tuple[float, float]
    """Resident: before, and at the end."""
    handles: tuple[int, int]
    """Open files and connections: before, and at the end without those of clients that read."""


class _Answers(Struct, frozen=True):
    statuses: dict[int, int]
    request_s: list[float]


@contextmanager
def serving(config: dict[str, object]) -> Iterator[tuple[int, int]]:
    """The API as a process of its own on a free port of loopback: the port and its process id."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    each = Load().clients  # one address stands for all callers
    told = msgspec.json.encode({"max_clients_each": each, **config, "port": port}).decode()
    process = subprocess.Popen([sys.executable, "-c", _PROGRAM, told])
    try:
        deadline = time.monotonic() + 30
        while not _answers(port):
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError("the API does not start")
            time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(15)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx.TransportError:
        return False


def drive(port: int, process: int, load: Load, work: Callable[[], dict[str, float]]) -> Report:
    """Put the API at ``port`` under ``load`` while ``work`` stores signals.

    Parameters:
        process: of the API.
        work: gives the identifiers in the order of storing, each with the time (of `time.monotonic`) it was there.
    """
    readers = load.clients - load.stalled
    before = _memory_mb(process), _handles(process), processor_s(process)
    spawn = get_context("spawn")
    (clients, theirs), (asker, its) = spawn.Pipe(), spawn.Pipe()
    workers = [
        spawn.Process(target=listen, args=(port, readers, load.stalled, theirs), daemon=True),
        spawn.Process(target=_ask, args=(port, load.requests, its), daemon=True),
    ]
    for worker in workers:
        worker.start()
    try:
        assert clients.recv() == asker.recv() == "connected"
        asker.send("begin")
        stored = work()
        clients.send(stored)
        heard = msgspec.msgpack.decode(clients.recv_bytes(), type=Heard)
        asker.send("end")
        answers = msgspec.msgpack.decode(asker.recv_bytes(), type=_Answers)
        left = _until_dropped(port, process, readers)
        after = _memory_mb(process), _handles(process), processor_s(process)
        clients.send("end")
    finally:
        for worker in workers:
            worker.join(10)
            worker.kill()
    return Report(
        signals=len(stored), complete=heard.complete, dropped=load.stalled - left, statuses=answers.statuses,
        request_s=answers.request_s, delivery_s=heard.delivery_s, processor_s=after[2] - before[2],
        memory_mb=(before[0], after[0]), handles=(before[1], after[1] - readers),
    )  # fmt: skip


def store(dsn: str, load: Load) -> dict[str, float]:
    """What the store does: each signal, and when it was there."""
    stored: dict[str, float] = {}
    start, minute = time.time_ns() // MINUTE * MINUTE - 400_000 * MINUTE, 0
    with closing(Filler(dsn)) as filler:
        begun = time.monotonic()
        for second in range(load.seconds):
            last = minute + load.signals + (load.burst if second % _BURST_EVERY == _BURST_EVERY - 1 else 0)
            records = [each for at in range(minute, last) for each in signal(BTC, start + at * MINUTE, 64_000.0)]
            names = [str(getattr(record, "id", "")) for topic, record in records if topic == "signals.published"]
            filler.put(records)
            stored.update(dict.fromkeys(names, time.monotonic()))
            minute = last
            time.sleep(max(0.0, begun + second + 1 - time.monotonic()))
    return stored


def _ask(port: int, rate: float, main: Connection) -> None:
    """A process: requests at a fixed rate, each timed from when it was due, however slow those before it are."""

    async def ask() -> _Answers:
        statuses: Counter[int] = Counter()
        times: list[float] = []

        async def request(client: httpx.AsyncClient, path: str, due: float) -> None:
            answer = await client.get(path)
            times.append(time.monotonic() - due)
            statuses[answer.status_code] += 1

        address = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=address, timeout=30) as client, asyncio.TaskGroup() as group:
            due, number = time.monotonic(), 0
            while not main.poll():
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                group.create_task(request(client, _PATHS[number % len(_PATHS)], due))
                due, number = due + 1 / rate, number + 1
        return _Answers(dict(statuses), times)

    main.send("connected")
    main.recv()
    main.send_bytes(msgspec.msgpack.encode(asyncio.run(ask())))


def _until_dropped(port: int, process: int, readers: int) -> int:
    """How many of the stalled are still served after a while."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        lines = httpx.get(f"http://127.0.0.1:{port}/metrics").text.splitlines()
        served = next(line for line in lines if line.startswith("candlewick_api_ws_clients "))
        left = round(float(served.split()[1])) - readers
        if (left <= 0 and _handles(process) < readers + 40) or time.monotonic() > deadline:
            return left
        time.sleep(0.2)


def _memory_mb(process: int) -> float:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _handles(process: int) -> int:
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def main() -> int:
    """The command: 0 if every client that reads got everything, every stalled one was given up, and nothing failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    defaults = Load()
    for name in ("clients", "stalled", "seconds", "signals", "burst"):
        parser.add_argument(f"--{name}", type=int, default=getattr(defaults, name))
    load = Load(**vars(parser.parse_args()))
    with tempfile.TemporaryDirectory(prefix="api-load-") as folder:
        Path(folder).chmod(0o755)  # the server may run as another user
        with EmbeddedPostgres(Path(folder)) as database:
            migrate(database.dsn)
            fill(database.dsn, history(BTC, time.time_ns(), minutes=600))
            with serving({"dsn": database.dsn, "rate_limit": 10_000.0}) as (port, process):
                report = drive(port, process, load, partial(store, database.dsn, load))
    readers = load.clients - load.stalled
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(report.statuses.items()))
    for line in (
        f"clients          {load.clients}, of which {load.stalled} stalled",
        f"signals          {report.signals}, all of them in order at {report.complete} of {readers} clients that read",
        f"given up         {report.dropped} of {load.stalled} stalled clients",
        f"requests         {len(report.request_s)}: {statuses}",
        f"request, ms      {_spread(report.request_s)}",
        f"delivery, ms     {_spread(report.delivery_s)}",
        f"processor, s     {report.processor_s:.1f}",
        f"memory, MB       {report.memory_mb[0]:.0f} before, {report.memory_mb[1]:.0f} at the end",
        f"handles          {report.handles[0]} before, {report.handles[1]} at the end without the readers'",
    ):
        print(line)  # noqa: T201, a command's output
    good = report.complete == readers and report.dropped == load.stalled and max(report.statuses) < 500
    return 0 if good else 1


def _spread(values: list[float]) -> str:
    cuts = quantiles(values, n=100, method="inclusive")
    return ", ".join(f"p{share} {1000 * cuts[share - 1]:.1f}" for share in (50, 95, 99))


if __name__ == "__main__":
    sys.exit(main())
