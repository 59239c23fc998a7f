"""From the start of an engine that was killed to its first turn at the work, and to its first new result."""

import time
from functools import partial
from typing import Final

from benchmarks.context import Context
from benchmarks.figures import Figure, of_runs
from benchmarks.live import Engine, engine
from benchmarks.watching import watching

__all__ = ["NAME", "measure"]

NAME: Final = "resume"
_INSTRUMENTS: Final = 30


def measure(context: Context) -> list[Figure]:
    """Kill -9 in the middle of a backlog, again and again, each time on the state that the one before left."""
    at = context.stage(_INSTRUMENTS, 100.0 if context.quick else 400.0, history=60)
    work: list[float] = []
    result: list[float] = []
    for _ in range(context.runs):
        at.clear()
        folder = context.scratch()
        with engine(at, folder, CANDLEWICK_ENGINE__EPOCH_INTERVAL_S="0.5") as first:
            first.until(partial(_beyond, first, at.messages // 4), "first part of the backlog")
            first.process.kill()
            first.process.wait()
        with watching(at, ["features.books"]) as watch, engine(at, folder) as again:
            again.until(partial(_beyond, again, 0), "events after the restart", nap=0.02)
            resumed = again.vitals()
            time.sleep(1.0)
            arrived = watch.arrivals()
            assert resumed is not None
            assert resumed.resume_ms is not None
            work.append(resumed.resume_ms / 1_000)
            result.append(min(arrival.at for arrival in arrived) - again.spawned)
        context.say(f"at work after {work[-1]:.2f} s, first new result after {result[-1]:.2f} s")
    return [
        of_runs(NAME, "killed engine at work again", work, "s", at_most=5.0),
        of_runs(NAME, "its first new result", result, "s"),
    ]


def _beyond(running: Engine, events: int) -> bool:
    known = running.vitals()
    return known is not None and known.counts.get("events", 0) > events
