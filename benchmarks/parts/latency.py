"""From the event that closes a bar to the signal, while 50,000 events a second come in."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec
from confluent_kafka import Consumer, TopicPartition

from benchmarks.broker import Stage, put, writer
from benchmarks.context import Context
from benchmarks.data import PARTITIONS, Written, copies
from benchmarks.figures import Figure
from benchmarks.jobs.task import tuned
from benchmarks.live import engine
from benchmarks.watching import watching
from schemas.time import MINUTE, floor_to
from schemas.topics import LOG

__all__ = ["NAME", "measure"]

NAME: Final = "latency"
_INSTRUMENTS: Final = 30
_RATE: Final = 50_000
_LATENESS: Final = 2_500_000_000  # engine.allowed_lateness_s, by default
_BURST: Final = 0.002  # seconds of messages handed on together
_WARMING_S: Final = 30.0
"""A broker that has just started compiles itself while it works, on the two cores that all others need."""
_FIRST_S: Final = 10.0
"""From the first close on: told by themselves, as caches and the engine's own code are cold."""


class _Beat(msgspec.Struct, gc=False):
    ts_event: int


def measure(context: Context) -> list[Figure]:
    """Percentiles over the closes after the first seconds, whose own worst delay is told by itself."""
    history, warm = 60, 300_000
    seconds = 500.0 if context.quick else 900.0
    messages = copies(context.path, instruments=_INSTRUMENTS, seconds=seconds, history=history)
    at = context.empty(islice(messages, warm), _INSTRUMENTS)
    context.say(f"a broker that warms up for {_WARMING_S:.0f} s")
    _warm(at, copies(context.path, instruments=_INSTRUMENTS, seconds=seconds))
    folder = context.scratch()
    with engine(at, folder) as running, watching(at, ["signals.candidates", "signals.published"]) as watch:
        running.until(running.caught_up, "end of the first part of the log")
        context.say(f"{_RATE:,} events/s")
        closing, late = _feed(at, messages)
        running.until(running.caught_up, "end of the log")
        arrivals = [arrival for arrival in watch.arrivals() if arrival.close in closing]
    warm_at = min(closing.values(), default=0.0) + _FIRST_S
    timed = [(closing[arrival.close], arrival.at) for arrival in arrivals]
    delays = sorted(at - begun for begun, at in timed if begun >= warm_at)
    warming = max((at - begun for begun, at in timed if begun < warm_at), default=0.0)
    if not delays:
        raise RuntimeError(f"no signals came after the first {_FIRST_S:.0f} s")

    def percentile(share: float) -> float:
        return 1_000 * delays[min(int(share * len(delays)), len(delays) - 1)]

    return [
        Figure(part=NAME, name="signals timed", value=len(delays), unit="signals"),
        Figure(part=NAME, name="closing event to signal, p50", value=percentile(0.5), unit="ms"),
        Figure(part=NAME, name="closing event to signal, p99", value=percentile(0.99), unit="ms", at_most=50.0),
        Figure(part=NAME, name="closing event to signal, worst", value=1_000 * delays[-1], unit="ms"),
        Figure(part=NAME, name="the same in the first 10 s, worst", value=1_000 * warming, unit="ms"),
        Figure(part=NAME, name="the feed's own worst delay", value=1_000 * late, unit="ms"),
    ]


def _feed(at: Stage, messages: Iterator[Written]) -> tuple[dict[int, float], float]:
    """Write at the rate; when each close's last closing heartbeat was written, and how late the feed itself was."""
    prepared = _prepared(messages)
    producer = writer(at.broker.client)
    closing: dict[int, float] = {}
    begun, late, burst = time.monotonic(), 0.0, round(_RATE * _BURST)
    for start in range(0, len(prepared), burst):
        ahead = begun + start / _RATE - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        else:
            late = max(late, -ahead)
        for message, close in prepared[start : start + burst]:
            put(producer, LOG, message)
            if close:
                closing[close] = time.monotonic()
        producer.poll(0)
    producer.flush()
    return closing, late


def _warm(at: Stage, messages: Iterator[Written]) -> None:
    """Let the broker take messages at the rate, into another topic, and hand them out again."""
    topic, producer = at.topic("warming"), writer(at.broker.client)
    reader = Consumer(tuned(at.bootstrap))
    reader.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    begun, burst = time.monotonic(), round(_RATE * 10 * _BURST)
    for count in range(0, round(_RATE * _WARMING_S), burst):
        time.sleep(max(0.0, begun + count / _RATE - time.monotonic()))
        for message in islice(messages, burst):
            put(producer, topic, message)
        producer.poll(0)
        reader.consume(10 * burst, 0)
    producer.flush()
    reader.close()


def _prepared(messages: Iterator[Written]) -> list[tuple[Written, int]]:
    """Each message, and the close that it is an instrument's last closing heartbeat of, or 0.

    Worked out beforehand: what the feed does while it writes is taken from the two cores that engine and broker need.
    """
    reached: dict[str, int] = {}
    decode = msgspec.json.Decoder(_Beat).decode
    prepared: list[tuple[Written, int]] = []
    for message in messages:
        close = 0
        if message.kind == b"heartbeat":
            minute = floor_to(decode(message.value).ts_event - _LATENESS, MINUTE)
            close = minute if minute > reached.get(message.key, minute) else 0
            reached[message.key] = minute
        prepared.append((message, close))
    return prepared
