"""What models see at every close, candidates or not: kept beside a data set, and what is usual of it."""

from collections.abc import Collection, Sequence
from math import ceil
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray
from pyarrow import parquet

from models.drift import CLOSES, GRID, MONTH, PART, PARTS, histogram, thresholds
from models.trained import Everyday
from schemas.time import DAY, Timeframe

__all__ = ["Closes", "day_of", "everyday", "read_closes", "thinned", "write_closes"]

_MOST: Final = 300_000
"""Closes that are kept of a span, some 200 MB; of a longer one whole days are left out, evenly."""
_LEAST_DAYS: Final = 10
"""Of fewer nobody can tell what a usual day is."""
_PLAIN: Final = ("instrument_id", "timeframe", "ts_close")


class Closes(Struct, frozen=True):
    """By time, then timeframe and instrument."""

    instrument: NDArray[Any]
    timeframe: NDArray[Any]
    ts_close: NDArray[np.int64]
    """ns."""
    inputs: list[str]
    x: NDArray[np.float32]
    """Of the vector and its context; NaN: not known, or tainted."""


def day_of(ts_close: int) -> int:
    """The day (UTC, since 1970) that a close at ``ts_close`` (ns) is part of; midnight is the end of one."""
    return (ts_close - 1) // DAY


def thinned(ts_start: int, ts_end: int, instruments: int, lengths: Collection[int]) -> int:
    """Of a span (ns), every how many days are kept.

    Parameters:
        lengths: of the timeframes, ns.
    """
    rows = sum((ts_end - ts_start) // max(length, GRID) for length in lengths) * instruments
    return max(1, ceil(rows / _MOST))


def write_closes(path: Path, closes: Closes) -> None:
    """Write ``closes`` as Parquet; equal ones give equal bytes."""
    plain = [pa.array(closes.instrument), pa.array(closes.timeframe), pa.array(closes.ts_close, pa.int64())]
    arrays = [pa.array(closes.x[:, at], pa.float32(), from_pandas=True) for at in range(len(closes.inputs))]
    names = [*_PLAIN, *(f"input_{name}" for name in closes.inputs)]
    parquet.write_table(pa.Table.from_arrays([*plain, *arrays], names=names), path, compression="zstd")


def read_closes(data: bytes) -> Closes:
    """What `write_closes` wrote."""
    table = parquet.read_table(pa.BufferReader(data))
    instrument, timeframe, ts_close = (table.column(name).to_numpy() for name in _PLAIN)
    inputs = table.column_names[len(_PLAIN) :]
    x = np.empty((table.num_rows, len(inputs)), np.float32)
    for at, name in enumerate(inputs):
        x[:, at] = table.column(name).to_numpy()
    return Closes(instrument, timeframe, ts_close, [name.removeprefix("input_") for name in inputs], x)


def everyday(
    closes: Closes, instruments: Collection[str], inputs: Sequence[str], ts_end: int, *, seed: int
) -> dict[Timeframe, Everyday]:
    """What ``inputs`` were like up to ``ts_end`` (ns), by timeframe; one of which too few days are known is left out.

    All timeframes share one budget of alerts.
    """
    own = np.isin(closes.instrument, list(instruments)) & (closes.ts_close <= ts_end)
    columns = [(name, closes.inputs.index(name)) for name in inputs if name in closes.inputs]
    timeframes: list[Timeframe] = sorted(set(closes.timeframe[own].tolist()))
    found: dict[Timeframe, Everyday] = {}
    for timeframe in timeframes:
        rows = np.flatnonzero(own & (closes.timeframe == timeframe))
        _, counts = np.unique((closes.ts_close[rows] - 1) // DAY, return_counts=True)
        if len(counts) < _LEAST_DAYS:
            continue
        x = closes.x[rows]
        known = [(name, at) for name, at in columns if not np.isnan(x[:, at]).all()]
        reference = {name: histogram(x[:, at]) for name, at in known}
        window = max(1, int(np.median(counts)) * PARTS * PART // DAY)
        limits = thresholds(
            x[:, [at for _, at in known]], reference, looks=MONTH * DAY / PART, window=window,
            alerts=CLOSES / len(timeframes), seed=seed,
        )  # fmt: skip
        found[timeframe] = Everyday(window=window, reference=reference, drift=limits)
    return found
