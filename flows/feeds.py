"""What a user names as input, as one ordered stream of log records."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, takewhile
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from msgspec import Struct

from flows.errors import FlowError
from schemas.batches import Rejected
from schemas.market import MarketEvent
from schemas.time import MILLISECOND, MINUTE, SECOND, Timeframe
from sources.activations import Activations
from sources.history import EVER, SUFFIXES, History
from sources.malformed import Malformed
from sources.merge import Heard, Item, merge
from sources.metrics import Metrics
from sources.sequencer import sequence
from sources.simulator import Simulator, SimulatorConfig
from sources.tapes.parallel import parallel
from sources.tapes.tape import Tape, open_tapes
from sources.user_topics import UserTopics

__all__ = [
    "Entry", "Feed", "Measured", "recorded_feed", "rejected", "simulated_feed", "simulated_past", "tables_of",
    "topics_feed",
]  # fmt: skip

Entry = MarketEvent | Malformed
"""What goes into the log, or to the dead letters beside it."""
_Any = TypeVar("_Any")
_INSTRUMENT: Final = re.compile(r"(?=.{3,128}$)[^\s:/=]+:\S+")
_SIMULATED: Final = 1_704_067_200 * SECOND
"""Where a simulated past ends if nobody says."""


class Measured(Protocol):
    """What tells how far it is read, in bytes or messages."""

    @property
    def size(self) -> int: ...
    @property
    def read(self) -> int: ...


class Feed(Struct):
    """An input that is ready to be read once."""

    items: Iterable[Entry]
    origins: Sequence[Measured] = ()
    """What the items come from; empty for a feed without end."""
    commit: Callable[[], None] | None = None
    """To be called when all items handed out so far have arrived: they are not handed out again."""
    close: Callable[[], None] = lambda: None
    """To be called when nothing more is asked of it."""

    @property
    def size(self) -> int:
        """What there is to read."""
        return sum(origin.size for origin in self.origins)

    @property
    def read(self) -> int:
        """How much of it was read."""
        return sum(origin.read for origin in self.origins)


def recorded_feed(
    inputs: Sequence[str], venue: str | None, *, instrument: str | None = None, timeframe: Timeframe | None = None,
    metrics: Sequence[str] = (), activations: Sequence[Path] = (), span: tuple[int, int] = EVER, source: str = "tape",
    stop: Callable[[], bool] = lambda: False,
) -> Feed:  # fmt: skip
    """The files of ``inputs``, each ``PATH``, ``VENUE=PATH`` or ``INSTRUMENT=PATH``, merged by receipt and made a log.

    Tables (CSV, Parquet) are history of one instrument, ``instrument`` where the input names none, and the bars in
    them are of ``timeframe``; they are read in step with everything else, as far as they are in ``span``.
    Files of ``metrics`` are ``PATH``, ``METRIC=PATH`` or ``METRIC:ASSET=PATH``; those of ``activations`` hold such
    records of the log.
    Files of one venue that follow one another in time are parts of one tape; files that overlap were recorded side by
    side. Candlewick's own recordings are a log already and are passed on as they are, one after the other. ``stop``
    is asked between records; the log that was begun is then ended properly.

    Raises:
        TapeError: a file or venue that cannot be used.
        HistoryError: the same of a table.
        MetricsError: the same of metrics.
        FlowError: a table without its instrument, recordings mixed with exchange tapes, or no input at all.
    """
    groups: dict[str | None, list[Path]] = {}
    for prefix, path in map(_named, inputs):
        if not path.name.endswith(SUFFIXES):
            groups.setdefault(prefix or venue, []).append(path)
    if venue is not None and venue not in groups:
        raise FlowError(f"--venue {venue}: no input takes it; it is for tapes that are named without their own venue")
    tables = tables_of(inputs, instrument, timeframe, span)
    tapes = open_tapes([(part, name) for name, paths in groups.items() for part in parallel(paths, name)])
    told: list[Metrics | Activations] = [_metrics(text) for text in metrics]
    told += [Activations(path) for path in activations]
    if not tapes and not tables and not told:
        raise FlowError("no input: name at least one file")
    if tapes and not tables and all(tape.recorded for tape in tapes):
        merged = merge([chain.from_iterable(tapes), *told])
        items = (item for _, item in merged if item is not None and not isinstance(item, Heard))
        return Feed(_until(stop, items), [*tapes, *told])
    if any(tape.recorded for tape in tapes):
        raise FlowError("a recording of Candlewick's own has its heartbeats already and cannot be merged with tapes")
    parts: list[Activations | History | Metrics | Tape] = [*tables, *tapes, *told]
    return Feed(sequence(*[_until(stop, part) for part in parts], source=source, tables=len(tables)), parts)


def tables_of(
    inputs: Sequence[str], instrument: str | None, timeframe: Timeframe | None, span: tuple[int, int] = EVER
) -> list[History]:
    """Those of ``inputs`` that are tables, bars last: of what is told at the very time of their close, all is known.

    Raises and reads as `recorded_feed`.
    """
    tables = [
        History(path, _instrument(prefix or instrument, path), timeframe, span)
        for prefix, path in map(_named, inputs)
        if path.name.endswith(SUFFIXES)
    ]
    tables.sort(key=lambda table: table.of_bars)
    for table in tables:
        table.beside = [one for one in tables if one is not table and one.instrument_id == table.instrument_id]
    return tables


def simulated_feed(
    simulator: Simulator, *, history_days: float = 0.0, source: str = "simulator",
    stop: Callable[[], bool] = lambda: False,
) -> Feed:  # fmt: skip
    """A simulated market, after ``history_days`` of one-minute bars of its past."""
    past: Iterable[Item] = simulator.history_bars(days=history_days) if history_days else ()
    market: Iterable[Item] = chain(simulator.definitions(history_days), past, simulator)
    return Feed(sequence(_until(stop, market), source=source))


def simulated_past(days: float, seed: int, *, end: int | None = None, trend: float = 0.0) -> Feed:
    """One-minute bars of ``days`` of a simulated market up to ``end`` (ns), and the minute after."""
    start = _SIMULATED if end is None else end
    config = SimulatorConfig(seed=seed, start=start, duration=MINUTE, trend=trend).checked()
    return simulated_feed(Simulator(config), history_days=days)


def topics_feed(
    client: Mapping[str, Any], named: str, *, source: str = "topics", stop: Callable[[], bool] = lambda: False,
    until_end: bool = False, resume: bool = True,
) -> Feed:  # fmt: skip
    """A user's own topics, named as ``trades=T,books=T``, made a log; to ``resume``: from where ``source`` left them.

    Raises:
        FlowError: what does not name topics.
        SourceError: topics that cannot be used, or a broker that does not answer.
    """
    group = f"candlewick.ingest.{source}" if resume else None
    topics = UserTopics(client, _topics(named), group, stop, until_end=until_end)
    return Feed(sequence(topics, source=source), [topics], topics.commit, topics.close)


def rejected(item: Malformed) -> Rejected:
    """Input that is no record, on its way to the dead letters under the place where it was found."""
    message = (item.offset, item.ts_received // MILLISECOND, None, item.raw, item.reason)
    return Rejected("dead:00000", item.feed, item.partition or 0, [message])


def _named(text: str) -> tuple[str | None, Path]:
    """An input ``NAME=PATH``, or ``PATH`` alone."""
    name, separator, path = text.partition("=")
    return (name, Path(path)) if separator and not Path(text).exists() else (None, Path(text))


def _metrics(text: str) -> Metrics:
    name, path = _named(text)
    if name is None:
        return Metrics(path)
    metric, _, asset = name.partition(":")
    return Metrics(path, metric, asset or None)


def _instrument(named: str | None, path: Path) -> str:
    if named is None:
        raise FlowError(f"{path} is a table: say of which --instrument, as in binanceusdm:BTC/USDT:USDT")
    if not _INSTRUMENT.fullmatch(named):
        raise FlowError(f"{path}: instrument {named!r} is no venue:symbol, as in binanceusdm:BTC/USDT:USDT")
    return named


def _topics(named: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in named.split(","):
        kind, _, topic = (part.strip() for part in pair.partition("="))
        if not kind or not topic or kind in found:
            raise FlowError(f"--topics {named}: {pair!r} should be KIND=TOPIC, each kind once, as in trades=my.trades")
        found[kind] = topic
    return found


def _until(stop: Callable[[], bool], items: Iterable[_Any]) -> Iterator[_Any]:
    return takewhile(lambda _: not stop(), items)
