"""What an event costs with 6, 30 and 512 instruments."""

from functools import partial
from typing import Final

from benchmarks.context import Context
from benchmarks.figures import Figure, of_runs

__all__ = ["NAME", "measure"]

NAME: Final = "scaling"
_LOGS: Final = {6: 600.0, 30: 200.0, 512: 20.0}
"""Seconds of the recording, by instruments: about as many messages each."""


def measure(context: Context) -> list[Figure]:
    """Costs, and their ratios to that with 6 instruments."""
    logs = {6: 60.0, 30: 20.0} if context.quick else _LOGS
    stages = {count: context.stage(count, seconds) for count, seconds in logs.items()}
    rounds = context.interleaved({f"{count} instruments": partial(context.engine, at) for count, at in stages.items()})
    cost = {
        count: [done[f"{count} instruments"].seconds * 1e6 / stages[count].messages for done in rounds]
        for count in logs
    }
    figures = [of_runs(NAME, f"{count} instruments", runs, "µs/message") for count, runs in cost.items()]
    for count in list(logs)[1:]:
        runs = [one / first for one, first in zip(cost[count], cost[6], strict=True)]
        figures.append(of_runs(NAME, f"{count} / 6 instruments", runs, "ratio", at_most=1.2))
    return figures
