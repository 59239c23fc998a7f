"""From the files of a replay, or of a live engine, to a data set: candidates joined with features, bars and funding."""

from array import array
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from hashlib import file_digest
from math import nan
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import Struct

from flows.catalogue import units
from flows.committed import committed
from flows.errors import FlowError
from flows.settings import Settings
from models.barriers import Bracket
from models.closes import Closes, day_of, thinned
from models.costs import Costs
from models.dataset import Hole, Manifest, Row, first_open, write
from models.drift import GRID
from models.labels import Followed, Labelled
from models.settlements import INTERVAL, TOLD, settled
from operators.desk.serving import PROGRAM
from schemas.market import InstrumentDefinition
from schemas.results import Bar, Context, Vector
from schemas.signals import Signal
from schemas.time import DAY, TIMEFRAME_NS, Timeframe, to_text
from schemas.topics import Outgoing
from sinks.database import connect, in_one_line
from sinks.export import ALL_TIME, export, last_of_others
from sinks.files import FileSink
from sources.result_files import read_results, result_file

__all__ = ["fetch_results", "fetch_stored", "make_dataset"]

_NEEDED: Final = ("signals.candidates", "features.vectors", "features.context", "features.bars")
_DEFINITIONS: Final = "reference.instruments"
_NEXT: Final = 1_000
"""Nanoseconds: to the database a time is one of microseconds."""
_Place = tuple[str, str, int]
"""Instrument, timeframe, close."""


class _Seen(Struct):
    """As much of a record as tells whether it is needed."""

    instrument_id: str
    timeframe: Timeframe = "1m"
    ts_close: int = 0
    revision: int = 0


def make_dataset(directories: Sequence[Path], out: Path, costs: Costs) -> Manifest:
    """Make a data set in ``out`` of what replays or engines wrote into ``directories``, in the order of their time.

    Raises:
        FlowError: a file is missing, directories are not in order, or nothing can be learned from what there is.
        ResultFileError: a file that cannot be read.
        ModelError: ``out`` is there already or cannot be written.
    """
    files = _Files(directories)
    definitions = {one.instrument_id: one for one in files.read(_DEFINITIONS)}
    signals, others = _candidates(files)
    if not signals:
        raise FlowError(
            f"{', '.join(map(str, directories))}: no candidate in signals.candidates, so nothing to learn from; "
            "replay more, or with a lower strategy.threshold"
        )
    base = _timeframes(files)
    bare = sorted({signal.instrument_id for signal in signals} - base.keys())
    if bare:
        raise FlowError(f"features.bars: no bar of {', '.join(bare)}, so its candidates cannot be labelled")
    places = {(signal.instrument_id, signal.timeframe, signal.ts_event) for signal in signals}
    funding = _Funding(definitions)
    told = units()
    order = {name: at for at, name in enumerate(told)}
    closes = _Kept(signals, base, len(order))
    features: dict[_Place, array[float]] = {}
    vectors: set[_Place] = set()
    hashes = ["", ""]

    def wanted(seen: _Seen) -> bool:
        return _place(seen) in places or funding.wants(seen, base) or closes.wants(seen)

    for at, topic in enumerate(("features.vectors", "features.context")):
        for record in files.read(topic, wanted):
            if isinstance(record, Vector | Context):
                hashes[at] = _same(hashes[at], record.schema_hash, topic)
                if isinstance(record, Vector):
                    funding.add(record)
                if _place(record) in places:
                    if isinstance(record, Vector):
                        vectors.add(_place(record))
                    _fill(features.setdefault(_place(record), array("d", [nan]) * len(order)), record, order)
                if closes.wants(record):
                    _fill(closes.row(_place(record)), record, order)
    labels, holes, known = _labels(files, signals, base, costs, definitions, funding)
    rows = [
        Row(signal, features[place], labels[signal.id])
        for signal in signals
        if (place := (signal.instrument_id, signal.timeframe, signal.ts_event)) in vectors and signal.id in labels
    ]
    return write(
        out, rows, told, hashes=(hashes[0], hashes[1]), costs=costs, bars=base, holes=holes, sources=files.hashes(),
        closes=closes.all(list(told)), left_out=others + len(signals) - len(rows),
        open_from=first_open(signals, {row.signal.id: row.labelled.label.ts_end for row in rows}, known),
    )  # fmt: skip


def fetch_results(settings: Settings, directory: Path) -> None:
    """Write into ``directory`` what an engine wrote into the topics, as a replay would have.

    Raises:
        LogError: the broker does not answer, or lacks a topic.
        FlowError: there is nothing in a topic.
        SinkError: the directory cannot be written.
    """
    with FileSink(directory) as sink:
        part = sink.build_part("topics", "files", None)
        for message in committed(settings, (*_NEEDED, _DEFINITIONS)):
            if message.key is not None and message.value is not None:
                part.write_batch([Outgoing(message.topic, message.key.decode(), "", message.value, message.ts_ms)])
    for topic in _NEEDED[1:]:
        if result_file(directory, topic) is None:
            raise FlowError(f"topic {topic}: there is nothing in it, so nothing to learn from")


def fetch_stored(settings: Settings, directory: Path, since: int = ALL_TIME) -> str:
    """Write into ``directory`` what the database holds of closes from ``since`` (ns) on, as a replay would have, but
    nothing from before the last close whose features have another schema than this program's; which is that, in words,
    if there is one.

    Raises:
        DatabaseError: it does not answer, or does not let us in.
        SinkError: the directory cannot be written.
    """
    directory.mkdir()
    dsn = settings.database.reader
    with in_one_line(dsn), connect(dsn) as connection:
        last = last_of_others(connection, PROGRAM.schema_hash, PROGRAM.context_hash, since)
        export(connection, directory, since if last is None else last + _NEXT)
    if last is None:
        return ""
    return f"features up to {to_text(last)} have other schemas than this program's: closes after it alone are taken"


class _Files:
    """The files of all directories, topic by topic."""

    def __init__(self, directories: Sequence[Path]) -> None:
        for directory in directories:
            for topic in _NEEDED:
                if result_file(directory, topic) is None and topic != _NEEDED[0]:
                    raise FlowError(f"{directory}: no {topic}.jsonl or .parquet; name what `candlewick replay` wrote")
        self._directories = directories

    def read(self, topic: str, wanted: Callable[[_Seen], bool] = lambda _: True) -> Iterator[Any]:
        """The records of ``topic``."""
        for directory in self._directories:
            path = result_file(directory, topic)
            if path is not None:
                yield from read_results(path, topic, _Seen, wanted)

    def hashes(self) -> dict[str, str]:
        """SHA-256 of each file, by the names of folder and file."""
        found = {}
        for directory in self._directories:
            for topic in _NEEDED:
                path = result_file(directory, topic)
                if path is None:
                    continue
                with path.open("rb") as file:
                    found[f"{directory.name}/{path.name}"] = file_digest(file, "sha256").hexdigest()
        return found


class _Kept:
    """What was known at the closes of the candidates' timeframes, between the first of them and the last."""

    def __init__(self, signals: Sequence[Signal], instruments: Collection[str], width: int) -> None:
        self._start, self._end = signals[0].ts_event, signals[-1].ts_event
        self._timeframes = {signal.timeframe for signal in signals}
        lengths = [TIMEFRAME_NS[name] for name in self._timeframes]
        self._every = thinned(self._start, self._end, len(instruments), lengths)
        self._empty = array("f", [nan]) * width
        self._rows: dict[_Place, array[float]] = {}

    def wants(self, seen: _Seen | Vector | Context) -> bool:
        ts = seen.ts_close
        return (
            seen.timeframe in self._timeframes
            and self._start <= ts <= self._end
            and ts % GRID == 0
            and day_of(ts) % self._every == 0
        )

    def row(self, place: _Place) -> "array[float]":
        return self._rows.setdefault(place, self._empty[:])

    def all(self, inputs: list[str]) -> Closes:
        places = sorted(self._rows, key=lambda place: (place[2], place[1], place[0]))
        instruments, timeframes, ts = ([place[at] for place in places] for at in range(3))
        x = np.empty((len(places), len(inputs)), np.float32)
        for at, place in enumerate(places):
            x[at] = self._rows[place]
        return Closes(
            np.array(instruments, object), np.array(timeframes, object), np.array(ts, np.int64), inputs, x
        )  # fmt: skip


class _Funding:
    """The features of each instrument around its settlements."""

    def __init__(self, definitions: Mapping[str, InstrumentDefinition]) -> None:
        self._definitions = definitions
        self._told: dict[tuple[str, int], Mapping[str, float | None]] = {}

    def interval(self, instrument_id: str) -> int:
        definition = self._definitions.get(instrument_id)
        return definition.funding_interval or INTERVAL if definition is not None else INTERVAL

    def wants(self, seen: _Seen, base: Mapping[str, Timeframe]) -> bool:
        timeframe = base.get(seen.instrument_id)
        if timeframe is None or seen.timeframe != timeframe:
            return False
        return seen.ts_close % self.interval(seen.instrument_id) in {0, TIMEFRAME_NS[timeframe]}

    def add(self, vector: Vector) -> None:
        told = {name: vector.features.get(name) for name in TOLD}
        self._told[vector.instrument_id, vector.ts_close] = told

    def settled(self, bar: Bar) -> tuple[int, float] | None:
        before, after = (self._told.get((bar.instrument_id, ts), {}) for ts in (bar.ts_open, bar.ts_close))
        return settled(bar.ts_open, bar.ts_close, before, after, self.interval(bar.instrument_id))


def _labels(
    files: _Files, signals: Sequence[Signal], base: Mapping[str, Timeframe], costs: Costs,
    definitions: Mapping[str, InstrumentDefinition], funding: _Funding,
) -> tuple[dict[str, Labelled], list[Hole], int]:  # fmt: skip
    """Labels by candidate, missing bars, and up to when (ns) there are bars of all instruments but those that have
    gone, as they have had none for a day.
    """
    coming: dict[str, deque[Signal]] = defaultdict(deque)
    for signal in signals:
        coming[signal.instrument_id].append(signal)
    following: dict[str, list[tuple[str, Followed]]] = defaultdict(list)
    labels: dict[str, Labelled] = {}
    holes: list[Hole] = []
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    known: dict[str, int] = {}
    shortest = files.read(
        "features.bars", lambda seen: not seen.revision and base[seen.instrument_id] == seen.timeframe
    )
    for bar in shortest:
        name = bar.instrument_id
        if bar.ts_open < first.setdefault(name, bar.ts_open):
            raise FlowError(
                f"features.bars: that of {name} at {to_text(bar.ts_open)} comes after later ones; name the directories "
                "in order of their time"
            )
        if bar.ts_open < last.get(name, 0):
            continue  # two directories overlap, or a crash left it twice
        if bar.ts_open > last.get(name, bar.ts_open):
            holes.append(Hole(instrument_id=name, ts_start=last[name], ts_end=bar.ts_open))
        last[name], known[name] = bar.ts_close, bar.ts_decided
        while coming[name] and coming[name][0].ts_event < bar.ts_close:
            signal = coming[name].popleft()
            bracket = Bracket.of(signal, definitions.get(name))
            following[name].append((signal.id, Followed(bracket, costs, TIMEFRAME_NS[signal.timeframe])))
        settlement = funding.settled(bar)
        open_still = []
        for identifier, followed in following[name]:
            if settlement is not None:
                followed.on_funding(*settlement, bar.open)
            done = followed.on_bar(bar)
            result = followed.result()
            if result is not None:
                labels[identifier] = result
            if not done:
                open_still.append((identifier, followed))
        following[name] = open_still
    newest = max(known.values(), default=0)
    return labels, holes, min((one for one in known.values() if one > newest - DAY), default=0)


def _candidates(files: _Files) -> tuple[list[Signal], int]:
    """In order of their decision, of the last version of the strategy alone; and how many are of others."""
    by_id = {signal.id: signal for signal in files.read("signals.candidates") if signal.direction != "neutral"}
    key = attrgetter("ts_decided", "ts_event", "timeframe", "instrument_id")
    every: list[Signal] = sorted(by_id.values(), key=key)
    found = [one for one in every if one.strategy_version == every[-1].strategy_version]
    return found, len(every) - len(found)


def _timeframes(files: _Files) -> dict[str, Timeframe]:
    """Of the shortest bars there are of each instrument."""
    found: dict[str, Timeframe] = {}

    def shorter(seen: _Seen) -> bool:
        known = found.get(seen.instrument_id)
        if known is None or TIMEFRAME_NS[seen.timeframe] < TIMEFRAME_NS[known]:
            found[seen.instrument_id] = seen.timeframe
        return False

    for _ in files.read("features.bars", shorter):
        pass
    return found


def _fill(values: "array[float]", record: Vector | Context, order: Mapping[str, int]) -> None:
    for name, value in record.features.items():
        if value is not None and name in order and name not in record.tainted:
            values[order[name]] = value


def _same(known: str, found: str, topic: str) -> str:
    if known and known != found:
        raise FlowError(f"{topic}: records of two schemas, {known[:12]} and {found[:12]}; replay all with one version")
    return found


def _place(record: _Seen | Vector | Context) -> _Place:
    return record.instrument_id, record.timeframe, record.ts_close
