"""What an event costs with 6, 30 and 512 instruments."""

from functools import partial
from typing import Final

from benchmarks.context import Context
from benchmarks.figures import Figure, of_runs
from benchmarks.jobs.task import Measure

__all__ = ["NAME", "measure"]

NAME: Final = "scaling"
_LOGS: Final = {6: 600.0, 30: 200.0, 512: 20.0}
"""Seconds of the recording, by instruments: about as many messages each."""


def measure(context: Context) -> list[Figure]:
    """Costs in time and in CPU time, and their ratios to that with 6 instruments.

    What an event costs is CPU time; in wall time an engine's first and last second count as well.
    """
    logs = {6: 60.0, 30: 20.0} if context.quick else _LOGS
    stages = {count: context.stage(count, seconds) for count, seconds in logs.items()}
    rounds = context.interleaved({f"{count} instruments": partial(context.engine, at) for count, at in stages.items()})
    figures: list[Figure] = []
    for what, by, cost, target in (("", "", _seconds, {}), (": CPU", ", by CPU", _cpu, {"at_most": 1.2})):
        costs = {count: [cost(done[f"{count} instruments"]) for done in rounds] for count in logs}
        figures += [of_runs(NAME, f"{count} instruments{what}", runs, "µs/message") for count, runs in costs.items()]
        for count in list(logs)[1:]:
            runs = [one / first for one, first in zip(costs[count], costs[6], strict=True)]
            figures.append(of_runs(NAME, f"{count} / 6 instruments{by}", runs, "ratio", **target))
    return figures


def _seconds(done: Measure) -> float:
    return 1e6 * done.seconds / done.messages


def _cpu(done: Measure) -> float:
    return 1e6 * done.cpu / done.messages
