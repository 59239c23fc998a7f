"""How many messages a second: the floor, the engine, and what one would use instead, on the same log."""

import os
from collections.abc import Callable
from typing import Final

import msgspec

from benchmarks.broker import Stage
from benchmarks.context import Context
from benchmarks.figures import Figure, of_runs
from benchmarks.jobs.task import Measure
from benchmarks.machine import processor_s

__all__ = ["NAME", "measure"]

NAME: Final = "throughput"
_CORES: Final = os.cpu_count() or 1
_SLOW: Final = 400_000
"""Messages for jobs that take ten times longer than the others."""


def measure(context: Context) -> list[Figure]:
    """Rates and their ratios, each ratio within one round."""
    instruments, seconds, history = (6, 300.0, 60) if context.quick else (30, 400.0, 60)
    at = context.stage(instruments, seconds, history=history)
    jobs: dict[str, Callable[[], Measure]] = {
        "floor": lambda: context.job("floor", at),
        "plain loop": lambda: context.job("plain", at),
        "engine": lambda: _with_broker(context, at),
        "engine without recovery": lambda: context.engine(at, keeps=False),
        "engine, 2 workers": lambda: context.engine(at, workers=2),
    }
    if context.peers is not None:
        split = context.split(at, seconds, history=history)
        topics = ["split.trades", "split.quotes", "split.books"]
        jobs |= {
            "Bytewax, stock connectors": lambda: context.peer("bytewax_stock", at),
            "Quix Streams": lambda: context.peer("quix", at, messages=_SLOW),
            "Quix Streams, time-aligned": lambda: context.peer("quix", at, messages=min(_SLOW, split), topics=topics),
            "Pathway, bars only": lambda: context.peer("pathway_bars", at),
        }
    context.say("the engine once before, as a new broker compiles what it writes by meanwhile")
    context.engine(at)
    rounds = context.interleaved(jobs)
    figures = [
        of_runs(NAME, name, [done[name].rate / 1_000 for done in rounds], "thousand messages/s") for name in jobs
    ]
    figures += [
        of_runs(NAME, f"{name}: CPU", [1e6 * done[name].cpu / done[name].messages for done in rounds], "µs/message")
        for name in jobs
    ]

    def ratio(name: str, over: str, under: str, **target: float) -> None:
        if under in jobs:
            runs = [done[over].rate / done[under].rate for done in rounds]
            figures.append(of_runs(NAME, name, runs, "ratio", **target))
            spent = [
                (done[under].cpu / done[under].messages) / (done[over].cpu / done[over].messages) for done in rounds
            ]
            figures.append(of_runs(NAME, f"{name}, by CPU", spent, "ratio"))

    ratio("engine / floor", "engine", "floor", at_least=0.30)
    ratio("plain loop / floor", "plain loop", "floor")
    ratio("engine / plain loop", "engine", "plain loop", at_least=0.95)
    ratio("engine / Quix Streams", "engine", "Quix Streams", at_least=3.0)
    ratio("engine / Quix Streams, time-aligned", "engine", "Quix Streams, time-aligned", at_least=10.0)
    ratio("engine / Bytewax, stock connectors", "engine", "Bytewax, stock connectors", at_least=2.0)
    ratio("engine / Pathway, bars only", "engine", "Pathway, bars only")
    ratio("recovery on / off", "engine", "engine without recovery", at_least=0.85)
    ratio("2 workers / 1", "engine, 2 workers", "engine", at_least=1.4)
    engines = [done["engine"] for done in rounds]
    busy = [(one.cpu + one.more["broker"]) / one.seconds for one in engines]
    return [
        *figures,
        of_runs(NAME, "engine and broker: cores in use", busy, "cores"),
        of_runs(NAME, "2 workers / 1: what cores are left for", [_CORES / one for one in busy], "ratio"),
        of_runs(NAME, "engine: most memory", [one.memory / 2**20 for one in engines], "MiB"),
    ]


def _with_broker(context: Context, at: Stage) -> Measure:
    """The engine, and the CPU time of the broker meanwhile."""
    before = processor_s(at.broker.pid)
    done = context.engine(at)
    return msgspec.structs.replace(done, more={"broker": processor_s(at.broker.pid) - before})
