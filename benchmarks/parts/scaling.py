"""What an event costs with 6, 30 and 512 instruments."""

from functools import partial
from typing import Final

from benchmarks.context import Context
from benchmarks.figures import Figure, of_runs
from benchmarks.jobs.task import Measure

__all__ = ["NAME", "measure"]

NAME: Final = "scaling"
_LOGS: Final = {6: (200.0, 600.0), 30: (60.0, 200.0), 512: (15.0, 30.0)}
"""Seconds of the recording, a shorter and a longer log, by instruments."""
_QUICK: Final = {6: (30.0, 90.0), 30: (10.0, 30.0)}


def measure(context: Context) -> list[Figure]:
    """CPU time of a whole run, of each event that a longer log has more, and of what comes once an instrument.

    What comes once, its book's first snapshot and its state at the end, would else count as cost of the events, the
    more so the shorter the log is; and with more instruments a log that can be read in seconds is shorter.
    """
    logs = _QUICK if context.quick else _LOGS
    jobs = {
        f"{count} instruments, {seconds:.0f} s": context.stage(count, seconds)
        for count, both in logs.items()
        for seconds in both
    }
    rounds = context.interleaved({name: partial(context.engine, at) for name, at in jobs.items()})
    figures: list[Figure] = []
    further: dict[int, list[float]] = {}
    for count, (short, long) in logs.items():
        runs = [
            (done[f"{count} instruments, {short:.0f} s"], done[f"{count} instruments, {long:.0f} s"]) for done in rounds
        ]
        further[count] = [_further(*both) for both in runs]
        whole = [1e6 * longer.cpu / longer.messages for _, longer in runs]
        once = [
            1e3 * (one.cpu - each * one.messages / 1e6) for (one, _), each in zip(runs, further[count], strict=True)
        ]
        figures += [
            of_runs(NAME, f"{count} instruments: the longer log", whole, "µs/message"),
            of_runs(NAME, f"{count} instruments: a further event", further[count], "µs/message"),
            of_runs(NAME, f"{count} instruments: once, an instrument", [one / count for one in once], "ms"),
        ]
    for count in list(logs)[1:]:
        both = zip(further[count], further[6], strict=True)
        ratios = [one / first for one, first in both if min(one, first) > 0]  # of a noise there is none
        if ratios:
            figures.append(of_runs(NAME, f"{count} / 6 instruments: a further event", ratios, "ratio", at_most=1.2))
    return figures


def _further(short: Measure, long: Measure) -> float:
    """CPU time, µs, of each message that the longer log has more."""
    return 1e6 * (long.cpu - short.cpu) / (long.messages - short.messages)
