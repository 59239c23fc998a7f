"""All six timeframes of very many instruments close at once: how long until all of it is decided."""

import time
from collections.abc import Iterator
from itertools import chain
from typing import Final

from benchmarks.broker import send, writer
from benchmarks.context import Context
from benchmarks.data import Written
from benchmarks.figures import Figure, of_runs
from benchmarks.jobs.watch import Arrival
from benchmarks.live import engine
from benchmarks.synthetic import BEAT, MIDNIGHT, Synthetic
from benchmarks.watching import watching
from schemas.time import MINUTE, SECOND, TIMEFRAMES

__all__ = ["LATENESS", "NAME", "before", "measure"]

NAME: Final = "closing"
LATENESS: Final = 5 * SECOND // 2
"""``engine.allowed_lateness_s``, by default; ns."""
_TRADED: Final = 2  # minutes


def measure(context: Context) -> list[Figure]:
    """From the first closing heartbeat handed to the broker to the last result that a reader sees."""
    count = 64 if context.quick else 512
    seconds: list[list[float]] = []
    signals = 0
    for number in range(1 if context.quick else min(context.runs, 3)):
        market = Synthetic(count, 20)
        at = context.empty(before(market), count)
        with engine(at, context.scratch()) as running:
            running.until(running.caught_up, "end of the time before midnight")
            topics = ["features.bars", "features.vectors", "signals.candidates", "signals.published"]
            with watching(at, topics) as watch:
                ingest, last = writer(at.broker.client), MIDNIGHT + LATENESS
                send(ingest, market.beat(last - BEAT))
                begun = time.monotonic()
                send(ingest, market.beat(last))
                time.sleep(5.0)
                arrived = [arrival for arrival in watch.arrivals() if arrival.close == MIDNIGHT]
        vectors = _of(arrived, "features.vectors")
        if len(vectors) != count * len(TIMEFRAMES):
            raise RuntimeError(f"{len(vectors)} vectors came of {count * len(TIMEFRAMES)}")
        decided = _of(arrived, "signals.candidates")
        signals = len(decided)
        seconds.append([vectors[-1] - begun, (decided or vectors)[-1] - begun])
        context.say(f"{number + 1}: {seconds[-1][1]:.2f} s, {signals} candidates")
    name = f"{count} instruments, {len(TIMEFRAMES)} timeframes"
    return [
        Figure(part=NAME, name=f"{name}: vectors", value=count * len(TIMEFRAMES), unit="vectors"),
        Figure(part=NAME, name=f"{name}: candidates", value=signals, unit="signals"),
        of_runs(NAME, f"{name}: all vectors out", [run[0] for run in seconds], "s"),
        of_runs(NAME, f"{name}: all decided", [max(run) for run in seconds], "s", at_most=1.0),
    ]


def before(market: Synthetic) -> Iterator[Written]:
    """A day of bars, and the last minutes traded, almost up to the heartbeat that closes the last one.

    The close before decides too: the first signals of a process wait for it to begin its transactions.
    """
    begin = MIDNIGHT - _TRADED * MINUTE
    traded = (market.second(begin + number * SECOND) for number in range(_TRADED * 60))
    after = (market.beat(MIDNIGHT + number * BEAT) for number in range(1, LATENESS // BEAT - 1))
    return chain(market.history(begin), market.begin(begin), *traded, *after)


def _of(arrivals: list[Arrival], topic: str) -> list[float]:
    return sorted(arrival.at for arrival in arrivals if arrival.topic == topic)
