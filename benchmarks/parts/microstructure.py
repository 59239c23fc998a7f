"""What the measures of book, quotes and trades cost: the per-instrument step with them, and without."""

import time
from collections.abc import Iterable
from typing import Any, Final

import operators.instrument
import operators.quoting
from benchmarks.context import Context
from benchmarks.data import copies
from benchmarks.figures import Figure, of_runs
from operators.book import OrderBook
from operators.config import InstrumentConfig
from operators.flow.recorder import Recorder
from operators.flow.shape import shape
from operators.instrument import Instrument
from schemas.batches import Batch
from schemas.market import CONTROL
from schemas.time import MILLISECOND

__all__ = ["NAME", "measure"]

NAME: Final = "microstructure"
_READ: Final = 2_000
"""Messages a batch."""
_UNREAD: Final = shape(OrderBook())
"""What is read off a book that nobody knows."""


class _Nothing(Recorder):
    """Measures nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._levels = None  # type: ignore[assignment]  # so the compiled path has nothing to tell either

    def quotes(self, *_: Any) -> None:
        pass

    def trades(self, *_: Any) -> None:
        pass

    def book(self, *_: Any) -> None:
        pass

    def lose_book(self) -> None:
        pass

    def sample(self, *_: Any) -> None:
        pass

    def take(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {}


def measure(context: Context) -> list[Figure]:
    """CPU time over the recording's six instruments, in turns."""
    batches, count = _batches(context)
    spent: dict[bool, list[float]] = {True: [], False: []}
    for number in range(max(context.runs, 3)):
        for on in (True, False):
            spent[on].append(_run(batches, on=on) * 1e6 / count)
        context.say(f"{number + 1} with: {spent[True][-1]:.2f}, without: {spent[False][-1]:.2f} µs/event")
    pairs = list(zip(spent[True], spent[False], strict=True))
    return [
        of_runs(NAME, "the step of an instrument", spent[True], "µs/event"),
        of_runs(NAME, "the same without these measures", spent[False], "µs/event"),
        of_runs(NAME, "with / without", [on / off for on, off in pairs], "ratio"),
        of_runs(NAME, "everything on", [on - off for on, off in pairs], "µs/event", at_most=1.3),
    ]


def _batches(context: Context) -> tuple[list[Batch], int]:
    waiting: dict[str, list[tuple[int, int, bytes]]] = {}
    batches: list[Batch] = []
    count = 0
    seconds = 150.0 if context.quick else 660.0
    for offset, message in enumerate(copies(context.path, instruments=6, seconds=seconds)):
        if message.key == CONTROL:
            continue
        count += 1
        waiting.setdefault(message.key, []).append((offset, message.ts_received // MILLISECOND, message.value))
        if offset % _READ == 0:
            batches += (Batch(key, 0, messages) for key, messages in waiting.items())
            waiting = {}
    return [*batches, *(Batch(key, 0, messages) for key, messages in waiting.items())], count


def _run(batches: Iterable[Batch], *, on: bool) -> float:
    """CPU seconds of this process."""
    _measure(on=on)
    instruments: dict[str, Instrument] = {}
    begun = time.process_time()
    for batch in batches:
        instrument = instruments.get(batch.key)
        if instrument is None:
            instrument = instruments[batch.key] = Instrument(batch.key, InstrumentConfig())
        instrument.on_batch(batch)
    spent = time.process_time() - begun
    _measure(on=True)
    return spent


def _measure(*, on: bool) -> None:
    """Instruments that are made from now on measure, or do not."""
    for module, name, real, nothing in (
        (operators.instrument, "Recorder", Recorder, _Nothing),
        (operators.quoting, "shape", shape, lambda _: _UNREAD),
    ):
        setattr(module, name, real if on else nothing)
