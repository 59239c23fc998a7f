"""What a user names as input, as one ordered stream of log records."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, takewhile
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from flows.errors import FlowError
from schemas.batches import Rejected
from schemas.market import MarketEvent
from schemas.time import MILLISECOND
from sources.malformed import Malformed
from sources.merge import Heard
from sources.merge import Item as Heeded
from sources.sequencer import sequence
from sources.simulator import Simulator
from sources.tapes.parallel import parallel
from sources.tapes.tape import Tape, open_tapes

__all__ = ["Feed", "Item", "recorded_feed", "rejected", "simulated_feed"]

Item = MarketEvent | Malformed
_Any = TypeVar("_Any")


class Feed(Struct):
    """An input that is ready to be read once."""

    items: Iterable[Item]
    tapes: Sequence[Tape] = ()
    """Whose ``read`` of ``size`` bytes tell how far it is; empty for a feed without end."""

    @property
    def size(self) -> int:
        """Bytes to read."""
        return sum(tape.size for tape in self.tapes)

    @property
    def read(self) -> int:
        """Bytes read."""
        return sum(tape.read for tape in self.tapes)


def recorded_feed(
    inputs: Sequence[str], venue: str | None, *, source: str = "tape", stop: Callable[[], bool] = lambda: False
) -> Feed:
    """The files of ``inputs``, each ``PATH`` or ``VENUE=PATH``, merged by time of receipt and made a log.

    Files of one venue that follow one another in time are parts of one tape; files that overlap were recorded side by
    side. Candlewick's own recordings are a log already and are passed on as they are, one after the other. ``stop``
    is asked between records; the log that was begun is then ended properly.

    Raises:
        TapeError: a file or venue that cannot be used.
        FlowError: recordings mixed with exchange tapes, or no input at all.
    """
    groups: dict[str | None, list[Path]] = {}
    for text in inputs:
        prefix, separator, path = text.partition("=")
        named = bool(separator) and not Path(text).exists()
        groups.setdefault(prefix if named else venue, []).append(Path(path if named else text))
    tapes = open_tapes([(part, name) for name, paths in groups.items() for part in parallel(paths)])
    if not tapes:
        raise FlowError("no input: name at least one file")
    if all(tape.recorded for tape in tapes):
        whole = chain.from_iterable(tapes)
        return Feed(_until(stop, (item for item in whole if not isinstance(item, Heard))), tapes)
    if any(tape.recorded for tape in tapes):
        raise FlowError("a recording of Candlewick's own has its heartbeats already and cannot be merged with tapes")
    return Feed(sequence(*[_until(stop, tape) for tape in tapes], source=source), tapes)


def simulated_feed(
    simulator: Simulator, *, history_days: float = 0.0, source: str = "simulator",
    stop: Callable[[], bool] = lambda: False,
) -> Feed:  # fmt: skip
    """A simulated market, after ``history_days`` of one-minute bars of its past."""
    past: Iterable[Heeded] = simulator.history_bars(days=history_days) if history_days else ()
    market: Iterable[Heeded] = chain(simulator.definitions(), past, simulator)
    return Feed(sequence(_until(stop, market), source=source))


def rejected(item: Malformed) -> Rejected:
    """Input that is no record, on its way to the dead letters under the place where it was found."""
    message = (0, item.ts_received // MILLISECOND, None, item.raw, item.reason)
    return Rejected("dead:00000", item.place, 0, [message])


def _until(stop: Callable[[], bool], items: Iterable[_Any]) -> Iterator[_Any]:
    return takewhile(lambda _: not stop(), items)
