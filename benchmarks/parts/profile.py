"""Where each microsecond of an engine's working thread goes."""

from typing import Final

from benchmarks.context import Context
from benchmarks.figures import Figure

__all__ = ["NAME", "measure"]

NAME: Final = "profile"


def measure(context: Context) -> list[Figure]:
    """Own CPU time by what it is spent on, per message of the log."""
    at = context.stage(6, 120.0 if context.quick else 600.0)
    at.clear()
    done = context.job("profile", at, alone=True)
    shares = sorted(done.more["own"].items(), key=lambda item: -item[1])
    figures = [
        Figure(part=NAME, name=name, value=max(spent, 0.0) / 1_000 / at.messages, unit="µs/message")
        for name, spent in shares
    ]
    return [
        *figures,
        Figure(part=NAME, name="all of these", value=sum(one.value for one in figures), unit="µs/message"),
    ]
