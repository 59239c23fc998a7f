"""A data set: candidates with what was known at their decision and what became of them, as Parquet with a manifest."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from math import fsum
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray
from pyarrow import parquet

from models.closes import Closes, read_closes, write_closes
from models.costs import Costs
from models.errors import ModelError
from models.labels import DELAYS, HORIZONS, Labelled
from models.trained import CANDIDATE_INPUTS
from models.weights import uniqueness
from schemas.signals import Signal
from schemas.time import DAY, MINUTE

__all__ = [
    "Dataset", "Hole", "Manifest", "Row", "first_open", "given_up", "load", "load_closes", "manifest_hash", "write",
]  # fmt: skip

_VERSION: Final = 1
_ROWS, _CLOSES, _MANIFEST = "rows.parquet", "closes.parquet", "manifest.json"
_FORWARD: Final = tuple(f"forward_{count}" for count in HORIZONS)
_DELAYED: Final = tuple(f"net_return_{delay // MINUTE}m_later" for delay in DELAYS)
_PLAIN: Final[dict[str, pa.DataType]] = {
    "id": pa.string(),
    "instrument_id": pa.string(),
    "timeframe": pa.string(),
    "strategy": pa.string(),
    "strategy_version": pa.string(),
    "candidate": pa.string(),
    "ts_event": pa.int64(),
    "ts_decided": pa.int64(),
    "status": pa.string(),
    "ts_entry": pa.int64(),
    "entry": pa.float64(),
    "ts_exit": pa.int64(),
    "exit": pa.float64(),
    "ts_end": pa.int64(),
    "gross_return": pa.float64(),
    "fees": pa.float64(),
    "slippage": pa.float64(),
    "funding": pa.float64(),
    "net_return": pa.float64(),
    "reached": pa.int64(),
    "spread_model": pa.bool_(),
    "gap": pa.bool_(),
    "ts_forward": pa.int64(),
    **{name: pa.float64() for name in (*_FORWARD, *_DELAYED)},
    "uniqueness": pa.float64(),
}
"""Columns before the inputs: the candidate, its label, what else became of it, its weight."""


class Row(Struct, frozen=True):
    """A candidate with its features and what became of it."""

    signal: Signal
    features: Sequence[float]
    """Of the vector and its context, in the order of the inputs; NaN: not known, or tainted."""
    labelled: Labelled


class Hole(Struct, frozen=True, kw_only=True):
    """Bars that are missing."""

    instrument_id: str
    ts_start: int
    ts_end: int


class Manifest(Struct, frozen=True, kw_only=True):
    """What a data set is made of."""

    version: int
    ts_start: int
    """Close of the first candidate, ns."""
    ts_end: int
    """When the last label was known, ns."""
    instruments: list[str]
    strategies: dict[str, str]
    """Name to version."""
    schema_hash: str
    context_hash: str
    inputs: dict[str, str]
    """Features to their units, in the order of the columns; the candidate's own inputs last."""
    rows: int
    labels: int
    """Rows that were entered."""
    wins: int
    vetoed: int
    left_out: int = 0
    """Candidates that are no row: their vector is not there, bars end before it is known what became of them, or
    another version of the strategy made them than the last ones."""
    means: dict[str, float] = {}
    """Of the net return, of that with more latency, and of the market's return in the candidates' direction."""
    costs: Costs
    bars: dict[str, str]
    """Timeframe of the bars that labels were made of, by instrument."""
    holes: list[Hole]
    open_from: int = 0
    """The first decision (ns) of which it is not known yet, or not of all of them, what became of it."""
    sources: dict[str, str]
    """SHA-256 of each file it was made of."""
    rows_hash: str
    """SHA-256 of the Parquet file."""
    closes_hash: str = ""
    """The same of what was known at the closes, candidates or not; empty: that was not kept."""


class Dataset:
    """Rows in order of their decision, as arrays."""

    def __init__(self, manifest: Manifest, columns: Mapping[str, NDArray[Any]], x: NDArray[np.float32]) -> None:
        self.manifest, self.columns, self.x = manifest, columns, x
        self.inputs = list(manifest.inputs)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column that is no input: those of the Parquet file, times in ns, what is not known NaN or -1."""
        return self.columns[name]

    def take(self, rows: NDArray[Any]) -> "Dataset":
        """Of ``rows``: a mask or positions."""
        return Dataset(self.manifest, {name: column[rows] for name, column in self.columns.items()}, self.x[rows])

    def before(self, until: int) -> "Dataset":
        """What was known before ``until`` (ns), as if bars had ended then: rows, span and missing bars."""
        told = self.manifest
        holes = [replace(one, ts_end=min(one.ts_end, until)) for one in told.holes if one.ts_start < until]
        known = self["ts_end"] < until
        open_from = int(self["ts_decided"][~known].min(initial=min(told.open_from, until)))
        kept = self.take(known)
        told = replace(told, ts_end=min(told.ts_end, until), holes=holes, open_from=open_from)
        return Dataset(told, kept.columns, kept.x)

    def weighed(self) -> "Dataset":
        """With weights by the labels among these rows, and no others."""
        unique = _unique(self.columns, self["status"] != "unfilled")
        return Dataset(self.manifest, {**self.columns, "uniqueness": unique}, self.x)

    def entered(self) -> "Dataset":
        """Of the rows that have a label."""
        return self.take(self["status"] != "unfilled")

    def seen(self) -> "Dataset":
        """Of those whose way no missing bar hides: what was reached first in one, stop or target, nobody knows."""
        return self.take((self["status"] != "unfilled") & ~self["gap"])


def write(
    directory: Path, rows: Sequence[Row], units: Mapping[str, str], *,
    hashes: tuple[str, str], costs: Costs, bars: Mapping[str, str], holes: Sequence[Hole], sources: Mapping[str, str],
    closes: Closes | None = None, left_out: int = 0, open_from: int = 0,
) -> Manifest:  # fmt: skip
    """Write ``rows``, in order of their decision, into a new ``directory``, whole or not at all; equal rows give equal
    bytes.

    Parameters:
        units: of the features, which become inputs in this order.
        hashes: of the vectors' schema and of the context's.
        left_out: candidates that are not among them.
        open_from: see `Manifest`.

    Raises:
        ModelError: ``directory`` is there already or cannot be written, or there is no row.
    """
    if not rows:
        raise ModelError("no candidate with a label: a data set needs at least one")
    signals = [row.signal for row in rows]
    columns = _columns(rows)
    inputs = dict(zip(units, np.array([row.features for row in rows]).T, strict=True))
    inputs["direction"] = np.array([1.0 if signal.direction == "long" else -1.0 for signal in signals])
    inputs["score"] = np.array([fsum(factor.contribution for factor in signal.key_factors) for signal in signals])
    arrays = [pa.array(columns[name], kind) for name, kind in _PLAIN.items()]
    arrays += [pa.array(values, pa.float64(), mask=np.isnan(values)) for values in inputs.values()]
    table = pa.Table.from_arrays(arrays, names=[*_PLAIN, *(f"input_{name}" for name in inputs)])
    try:
        if directory.exists():
            raise ModelError(f"data set {directory} is there already: name a new directory")
        partial = directory.with_name(f".{directory.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        parquet.write_table(table, partial / _ROWS, compression="zstd")
        if closes is not None:
            write_closes(partial / _CLOSES, closes)
        nets = [row.labelled.label.net_return for row in rows]
        manifest = Manifest(
            version=_VERSION,
            ts_start=signals[0].ts_event,
            ts_end=max(row.labelled.label.ts_end for row in rows),
            instruments=sorted({signal.instrument_id for signal in signals}),
            strategies={signal.strategy: signal.strategy_version for signal in signals},
            schema_hash=hashes[0],
            context_hash=hashes[1],
            inputs={**units, **dict.fromkeys(CANDIDATE_INPUTS, "ratio")},
            rows=len(rows),
            labels=sum(net is not None for net in nets),
            wins=sum(net is not None and net > 0 for net in nets),
            vetoed=sum(signal.status == "vetoed" for signal in signals),
            left_out=left_out,
            open_from=open_from,
            means={name: _mean(columns[name]) for name in ("net_return", *_DELAYED, *_FORWARD) if any(columns[name])},
            costs=costs,
            bars=dict(sorted(bars.items())),
            holes=list(holes),
            sources=dict(sources),
            rows_hash=sha256((partial / _ROWS).read_bytes()).hexdigest(),
            closes_hash="" if closes is None else sha256((partial / _CLOSES).read_bytes()).hexdigest(),
        )
        (partial / _MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
        partial.rename(directory)
    except OSError as error:
        raise ModelError(f"data set {directory}: {error.strerror or error}") from error
    return manifest


def load(directory: Path) -> Dataset:
    """The data set in ``directory``.

    Raises:
        ModelError: there is none, or its rows are not those that the manifest tells of.
    """
    manifest = _manifest(directory)
    try:
        data = (directory / _ROWS).read_bytes()
    except OSError as error:
        raise ModelError(f"data set {directory}/{_ROWS}: {error.strerror}") from error
    if sha256(data).hexdigest() != manifest.rows_hash:
        raise ModelError(f"data set {directory}/{_ROWS}: not the rows that its manifest tells of (SHA-256 differs)")
    table = parquet.read_table(pa.BufferReader(data))
    columns = {name: _array(table, name, kind) for name, kind in _PLAIN.items()}
    x = np.column_stack(
        [table.column(f"input_{name}").to_numpy().astype(np.float32) for name in manifest.inputs]
    )  # fmt: skip
    return Dataset(manifest, columns, np.ascontiguousarray(x))


def load_closes(directory: Path) -> Closes | None:
    """What was known at the closes of the data set in ``directory``, if that was kept.

    Raises:
        ModelError: it is not what the manifest tells of.
    """
    asked = _manifest(directory).closes_hash
    if not asked:
        return None
    try:
        data = (directory / _CLOSES).read_bytes()
    except OSError as error:
        raise ModelError(f"data set {directory}/{_CLOSES}: {error.strerror}") from error
    if sha256(data).hexdigest() != asked:
        raise ModelError(f"data set {directory}/{_CLOSES}: not what its manifest tells of (SHA-256 differs)")
    return read_closes(data)


def manifest_hash(directory: Path) -> str:
    """SHA-256 of its manifest, which holds those of everything else."""
    return sha256((directory / _MANIFEST).read_bytes()).hexdigest()


def given_up(signal: Signal) -> int:
    """When (ns) nothing more comes of a candidate: what is told of it later than a day after its last order is void, as
    bars were missing, and so it can be said by then of every candidate what became of it.
    """
    return max(signal.expiry, signal.ts_event + signal.horizon) + DAY


def first_open(signals: Iterable[Signal], ends: Mapping[str, int], known: int) -> int:
    """The first decision (ns) of which it was not ``known`` (ns) what became of it.

    Parameters:
        signals: in order of their decision.
        ends: when it was known of a candidate, by its identifier.
    """
    for signal in signals:
        if min(ends.get(signal.id, given_up(signal)), given_up(signal)) > known:
            return min(signal.ts_decided, known)
    return known


def _manifest(directory: Path) -> Manifest:
    try:
        return msgspec.json.decode((directory / _MANIFEST).read_bytes(), type=Manifest)
    except OSError as error:
        raise ModelError(f"data set {directory}: {error.strerror}: name one that `candlewick dataset` wrote") from error
    except msgspec.MsgspecError as error:
        raise ModelError(f"data set {directory}/{_MANIFEST}: {error}") from error


def _columns(rows: Sequence[Row]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _PLAIN:
        if name in Signal.__struct_fields__ and name != "status":
            found[name] = [getattr(row.signal, name) for row in rows]
        elif hasattr(rows[0].labelled.label, name):
            found[name] = [getattr(row.labelled.label, name) for row in rows]
    found["candidate"] = [row.signal.status for row in rows]
    found["ts_forward"] = [row.labelled.ts_forward for row in rows]
    for at, name in enumerate(_FORWARD):
        found[name] = [row.labelled.forward[at] for row in rows]
    for at, name in enumerate(_DELAYED):
        found[name] = [row.labelled.delayed[at] for row in rows]
    found["uniqueness"] = _unique(found, np.array([row.labelled.label.net_return is not None for row in rows]))
    return found


def _unique(columns: Mapping[str, Any], entered: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Of the labels among these rows, and no others."""
    found = np.zeros(len(entered))
    _, groups = np.unique(columns["instrument_id"], return_inverse=True)
    decided, ended = np.array(columns["ts_decided"]), np.array(columns["ts_end"])
    found[entered] = uniqueness(groups[entered], decided[entered], ended[entered])
    return found


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return fsum(known) / len(known)


def _array(table: "pa.Table", name: str, kind: pa.DataType) -> NDArray[Any]:
    column = table.column(name)
    if kind == pa.int64():
        column = column.fill_null(pa.scalar(-1, kind))
    return column.to_numpy(zero_copy_only=False) if kind == pa.bool_() else np.asarray(column.to_numpy())
