"""How large an instrument's state is, and what an epoch costs that writes all of it."""

import time
from typing import Final

from benchmarks.broker import Stage, send
from benchmarks.context import Context
from benchmarks.data import copies
from benchmarks.figures import Figure, of_runs
from benchmarks.live import Engine, engine
from benchmarks.synthetic import MIDNIGHT, Synthetic
from operators.config import InstrumentConfig
from operators.instrument import Instrument
from schemas.batches import Batch
from schemas.market import CONTROL
from schemas.time import DAY, MILLISECOND, SECOND

__all__ = ["NAME", "measure"]

NAME: Final = "state"
_EPOCHS: Final = 12
_HISTORY: Final = 26 * 24 * 60
"""Minutes of bars before: nearly all windows are full, also those of days."""


def measure(context: Context) -> list[Figure]:
    """Sizes over the recording; stalls of epochs over books that all change."""
    figures = _sizes(context)
    for count in (64,) if context.quick else (64, 512):
        figures += _epochs(context, count, at_most=20.0 if count == 64 else None)
    return figures


def _sizes(context: Context) -> list[Figure]:
    instruments: dict[str, Instrument] = {}
    whole: list[float] = []
    without: list[float] = []
    waiting: dict[str, list[tuple[int, int, bytes]]] = {}
    for offset, message in enumerate(copies(context.path, instruments=6, seconds=660.0, history=_HISTORY)):
        if message.key != CONTROL:
            row = (offset, message.ts_received // MILLISECOND, message.value)
            waiting.setdefault(message.key, []).append(row)
        if offset % 5_000 == 0:
            for key, messages in waiting.items():
                instrument = instruments.setdefault(key, Instrument(key, InstrumentConfig()))
                instrument.on_batch(Batch(key, 0, messages))
                packed = instrument.state()
                whole.append(len(packed) / 1024)
                without.append((len(packed) - _levels(instrument)) / 1024)
            waiting = {}
    return [
        of_runs(NAME, "state of an instrument", whole, "KiB"),
        of_runs(NAME, "without book levels", without, "KiB"),
        Figure(part=NAME, name="without book levels, at most", value=max(without), unit="KiB", at_most=64.0),
    ]


def _levels(instrument: Instrument) -> int:
    """Bytes of the book's levels in its state."""
    book = instrument._quoting.book  # noqa: SLF001, nobody else asks for it
    return sum(len(part) for side in (book.bids, book.asks) for part in side.state())


def _epochs(context: Context, count: int, at_most: float | None) -> list[Figure]:
    market, begin = Synthetic(count, 1_000), MIDNIGHT - DAY // 2
    at = context.empty(market.begin(begin), count)
    with engine(at, context.scratch(), CANDLEWICK_ENGINE__EPOCH_INTERVAL_S="1") as running:
        running.until(running.caught_up, "books")
        stalls = _stalls(running, at, market, begin)
    target = {} if at_most is None else {"at_most": at_most}
    return [of_runs(NAME, f"epoch with {count} books of 1,000 levels a side", stalls, "ms", **target)]


def _stalls(running: Engine, at: Stage, market: Synthetic, begin: int) -> list[float]:
    """All instruments trade in real time; what each epoch took."""
    stalls: list[float] = []
    started = time.monotonic()
    for number in range(_EPOCHS):
        send(at.broker.client, market.second(begin + number * SECOND))
        time.sleep(max(0.0, started + number + 1 - time.monotonic()))
        known = running.vitals()
        if number > 1 and known is not None and known.engine is not None and known.engine.epoch_ms is not None:
            stalls.append(known.engine.epoch_ms)
    return stalls
