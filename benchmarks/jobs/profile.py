"""Where an engine's time goes: its worker's CPU time, by the function that it is spent in, callees taken out.

The functions timed are called once a batch or once a message. A call's own cost of being timed is measured first and
taken off, so what is left adds up to the run without timers, but for some percent.
"""

import time
from collections.abc import Callable
from typing import Any, Final

import operators.gate
from benchmarks.jobs import engine
from benchmarks.jobs.task import Measure, Task, answer
from operators.closing import BarMaker
from operators.desk.desk import Desk
from operators.flow.recorder import Recorder
from operators.instrument import Instrument
from operators.ladder import Ladder
from operators.quoting import Quoting
from sinks.kafka import KafkaFeatures
from sources.log import KafkaLog

__all__ = ["measure"]

_TIMED: Final[tuple[tuple[str, Any, str], ...]] = (
    ("reading: checks and grouping", KafkaLog, "part:_items"),
    ("reading: the Kafka client", KafkaLog, "part:next_batch"),
    ("plain records, compiled; checks and dispatch", Instrument, "on_batch"),
    ("decoding", operators.gate, "parse_event"),
    ("book: chaining", Quoting, "on_delta"),
    ("book: levels", Ladder, "update"),
    ("book: best levels", Ladder, "best"),
    ("book: crossing, samples", Quoting, "sample"),
    ("book: crossing, samples", Quoting, "check_crossing"),
    ("quotes: as they come", Quoting, "on_quote"),
    ("trades: as they come", Instrument, "_on_trade"),
    ("book: meters of its best levels", Recorder, "book"),
    ("quotes: meters", Recorder, "quotes"),
    ("trades: meters", Recorder, "trades"),
    ("heartbeats", Instrument, "_on_heartbeat"),
    ("bars: trades and quotes in order", BarMaker, "settle"),
    ("bars: closing, features", BarMaker, "close_minute"),
    ("state for recovery", Instrument, "state"),
    ("desk", Desk, "on_batch"),
    ("writing results", KafkaFeatures, "part:write_batch"),
)


class _Profile:
    def __init__(self) -> None:
        self.own: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self._below = [0.0]
        self.outside = 0.0
        """What being called costs a caller that is timed too, ns."""

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        own, calls, below, clock = self.own, self.calls, self._below, time.thread_time_ns
        own.setdefault(name, 0.0)
        calls.setdefault(name, 0)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            calls[name] += 1
            below.append(0.0)
            begun = clock()
            try:
                return function(*args, **kwargs)
            finally:
                took = clock() - begun
                own[name] += took - below.pop()
                below[-1] += took + self.outside

        return wrapped


def measure(task: Task) -> Measure:
    """Run the engine with timers in place; own times in ns by name, and calls."""
    inside, outside = _cost()
    profile = _Profile()
    profile.outside = outside
    for name, owner, attribute in _TIMED:
        kind, _, method = attribute.rpartition(":")
        place = _part_of(owner) if kind else owner
        setattr(place, method, profile.timed(name, getattr(place, method)))
    done = engine.measure(task)
    own = {name: spent - inside * profile.calls[name] for name, spent in profile.own.items()}
    done.more = {"own": own, "calls": profile.calls}
    return done


def _part_of(connector: Any) -> Any:
    """The class of the parts that a source or sink builds, which its module keeps to itself."""
    return getattr(__import__(connector.__module__, fromlist=["_Part"]), "_Part")  # noqa: B009, with a dot it is an access to what is private


def _cost() -> tuple[float, float]:
    """What timing one call adds to its own time, and to that of its caller, ns."""
    profile, count = _Profile(), 200_000
    empty = profile.timed("empty", lambda: None)
    begun = time.thread_time_ns()
    for _ in range(count):
        empty()
    whole = (time.thread_time_ns() - begun) / count
    inside = profile.own["empty"] / count
    return inside, whole - inside


if __name__ == "__main__":
    answer(measure)
