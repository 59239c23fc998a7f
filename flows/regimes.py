"""Fitting regimes on what replays or the engine wrote, and telling the log."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct

from flows.appended import append, torn
from flows.errors import FlowError
from flows.settings import Settings, kafka_client
from models.regimes import Parameters, fit, observed
from schemas.codec import decode_event, encode
from schemas.market import CONTROL, Regimes
from schemas.results import Vector
from schemas.time import DAY, Timeframe
from sinks.database import connect, in_one_line
from sinks.export import export
from sinks.log_writer import LogWriter
from sources.activations import Activations
from sources.malformed import Malformed
from sources.result_files import read_results, result_file

__all__ = ["fitted", "last_told", "refit", "tell"]


class _Seen(Struct):
    timeframe: Timeframe
    reason: str = ""


def fitted(directories: Sequence[Path], timeframe: Timeframe, previous: Regimes | None = None) -> tuple[Regimes, int]:
    """Parameters for ``timeframe`` from all instruments' vectors, known when the last of them was decided; and of how
    many closes they are made.

    Raises:
        FlowError: no vectors.
        ModelError: too few of them.
    """
    pairs: dict[str, list[tuple[float | None, float | None]]] = defaultdict(list)
    decided = 0
    for vector in _vectors(directories, timeframe):
        features = vector.features
        pairs[vector.instrument_id].append((features["return_20"], features["realised_volatility_20"]))
        decided = max(decided, vector.ts_decided)
    before = None if previous is None else msgspec.convert(msgspec.structs.asdict(previous), Parameters, strict=False)
    found = fit([observed(one) for one in pairs.values()], before)
    record = Regimes(
        instrument_id=CONTROL, ts_event=decided, ts_received=decided, timeframe=timeframe, means=found.means,
        variances=found.variances, transition=found.transition, initial=found.initial,
    )  # fmt: skip
    return record, sum(map(len, pairs.values()))


def tell(settings: Settings, record: Regimes, to: Path | None) -> None:
    """Write ``record`` into the log, as of now; or into the file ``to``, as of its own time.

    Raises:
        SinkError: the log cannot be written.
        FlowError: nor can the file.
    """
    if to is None:
        now = time.time_ns()
        with LogWriter(kafka_client(settings)) as log:
            log.write(msgspec.structs.replace(record, ts_event=now, ts_received=now))
        return
    try:
        append(to, encode(record) + b"\n", decode_event)
    except OSError as error:
        raise FlowError(f"--to {to}: {error.strerror}") from error


def refit(settings: Settings, timeframe: Timeframe, days: float, memory: Path) -> Regimes:
    """Fit on what the store holds of the last ``days``, from where ``memory`` says it ended last time; tell the log.

    Raises:
        CandlewickError: no database or broker, or too little in it.
    """
    dsn, since = settings.database.reader, max(0, time.time_ns() - round(days * DAY))
    with TemporaryDirectory(prefix="candlewick-regimes-") as temporary:
        with in_one_line(dsn), connect(dsn) as connection:
            export(connection, Path(temporary), since, ["features.vectors"], timeframe)
        record, _ = fitted([Path(temporary)], timeframe, last_told(memory, timeframe))
    tell(settings, record, None)
    tell(settings, record, memory)
    return record


def last_told(path: Path, timeframe: Timeframe) -> Regimes | None:
    """The last parameters for ``timeframe`` in a file of `tell`, if there are any; what one that died has left at its
    end is no line.

    Raises:
        FlowError: the file cannot be read, or a line of the file is no such record.
    """
    if not path.exists():
        return None
    try:
        rest = torn(path.read_bytes(), decode_event)
    except OSError as error:
        raise FlowError(f"--to {path}: {error.strerror}") from error
    records = list(Activations(path))
    for one in records:
        if isinstance(one, Malformed) and one.raw != rest:
            raise FlowError(f"--to {one.place}: {one.reason}")
    own = [one for one in records if isinstance(one, Regimes) and one.timeframe == timeframe]
    return own[-1] if own else None


def _vectors(directories: Sequence[Path], timeframe: Timeframe) -> Iterator[Vector]:
    for directory in directories:
        path = result_file(directory, "features.vectors")
        if path is None:
            raise FlowError(f"{directory}: no features.vectors; name what `candlewick replay` wrote")
        found = read_results(path, "features.vectors", _Seen, lambda seen: seen.timeframe == timeframe)
        yield from (one for one in found if isinstance(one, Vector))
