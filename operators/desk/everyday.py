"""What a model sees at every close, counted by part of a day and held against its manifest part by part."""

from collections.abc import Iterable
from math import nan
from typing import Any, Final, NamedTuple
from zlib import compress, decompress

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from models.drift import GRID, counts_of, normal_scores
from models.registry import Model
from models.trained import Everyday
from schemas.results import Context, Vector
from schemas.time import Timeframe

__all__ = ["EverydayWatch", "Moved", "by_part"]

_MEASURES: Final = ("location", "psi", "ks")
_PRIOR: Final = 0.5
"""That of `models.drift`."""
_ENOUGH: Final = 0.95
"""Of a window's closes; with fewer, parts from further back are looked at too."""
_MOST: Final = 36
"""Parts that are kept apart, three days."""
_Counts = NDArray[np.int32]
_Key = tuple[str, Timeframe]


class Moved(NamedTuple):
    """An input in the window that was looked at."""

    feature: str
    measure: str
    value: float
    threshold: float | None


class _Bins:
    """Where what is seen falls, and how far that is from usual, of all inputs at once: both have to take no time."""

    def __init__(self, about: Everyday) -> None:
        self.names = list(about.reference)
        histograms = list(about.reference.values())
        self.width = max((len(one.counts) + 1 for one in histograms), default=1)
        self.places = {name: at for at, name in enumerate(self.names)}
        self._first = np.arange(len(self.names)) * self.width
        self._missing = np.array([len(one.counts) for one in histograms], np.intp)
        self._edges = np.full((len(histograms), self.width), np.inf)
        shape = len(self.names), self.width
        self._reference, self._scores = np.zeros(shape), np.zeros(shape)
        self._bins = np.arange(self.width) <= self._missing[:, None]
        self._known = np.arange(self.width) < self._missing[:, None]
        for at, one in enumerate(histograms):
            counts = counts_of(one)
            self._edges[at, : len(one.edges)] = one.edges
            self._reference[at, : len(counts)] = counts
            self._scores[at, : len(counts)] = normal_scores(counts)
        limits = [[about.drift.get(name, {}).get(measure) for measure in _MEASURES] for name in self.names]
        self._limits = np.array(limits, float).reshape(len(self.names), len(_MEASURES))

    def count(self, counts: _Counts, values: NDArray[np.float32]) -> None:
        """Add rows of ``values``, a column an input."""
        bins = (values[..., None] >= self._edges).sum(axis=-1)
        bins = np.where(np.isnan(values), self._missing, np.minimum(bins, self._missing - 1))  # infinite: the last
        counts.reshape(-1)[:] += np.bincount((bins + self._first).ravel(), minlength=counts.size).astype(np.int32)

    def furthest(self, counts: _Counts, most: int) -> list[Moved]:
        """In terms of their thresholds; with none, last."""
        values = np.stack((self._location(counts), self._index(counts), self._distance(counts)), axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            beyond = np.nan_to_num((values - self._limits) / np.abs(self._limits), nan=-np.inf, posinf=np.inf)
        found = []
        for place in np.argsort(-beyond, axis=None, kind="stable")[:most].tolist():
            at, measure = divmod(place, len(_MEASURES))
            limit = float(self._limits[at, measure])
            told = None if np.isnan(limit) else limit
            found.append(Moved(self.names[at], _MEASURES[measure], float(values[at, measure]), told))
        return found

    def _location(self, counts: _Counts) -> NDArray[np.float64]:
        middles = []
        for one in (counts, self._reference):
            known = (one * self._known).sum(axis=1)
            middles.append((one * self._scores).sum(axis=1) / np.maximum(known, 1.0))
        some = (counts * self._known).any(axis=1)
        return np.where(some, np.abs(middles[0] - middles[1]), 0.0)

    def _index(self, counts: _Counts) -> NDArray[np.float64]:
        places = self._bins.sum(axis=1)
        n, m = self._reference.sum(axis=1), counts.sum(axis=1)
        p = np.where(self._bins, (self._reference + _PRIOR) / (n + _PRIOR * places)[:, None], 1.0)
        q = np.where(self._bins, (counts + _PRIOR) / (m + _PRIOR * places)[:, None], 1.0)
        found: NDArray[np.float64] = ((q - p) * np.log(q / p)).sum(axis=1) - (places - 1) * (1.0 / n + 1.0 / m)
        return found

    def _distance(self, counts: _Counts) -> NDArray[np.float64]:
        passed = [np.cumsum(one, axis=1) / one.sum(axis=1)[:, None] for one in (counts, self._reference)]
        found: NDArray[np.float64] = np.abs(passed[0] - passed[1]).max(axis=1)
        return found


class _Parts(Struct):
    """Of a version and timeframe."""

    now: _Counts
    """Of the part that goes on, by input and bin."""
    whole: _Counts
    """Of all that have ended."""
    rows: int = 0
    """Of the part that goes on."""
    ended: list[tuple[int, bytes]] = []
    """Rows and counts of each, packed: they change no more."""


class _Kept(Struct, array_like=True):
    """The same in recovery."""

    version: str
    timeframe: Timeframe
    rows: int
    now: bytes
    ended: list[tuple[int, bytes]]


class EverydayWatch:
    """At the end of each part of a day the newest parts that make up a window are looked at together, so whenever
    something begins, it soon has a window for itself.
    """

    def __init__(self) -> None:
        self._parts: dict[_Key, _Parts] = {}
        self._bins: dict[_Key, _Bins] = {}

    def on_close(self, model: Model, vector: Vector, context: Context) -> None:
        """Take what ``model`` sees at a close, whether there is a candidate or not."""
        if vector.timeframe not in model.manifest.closes or vector.ts_close % GRID:
            return
        bins = self._bins_of(model, vector.timeframe)
        features = vector.features | context.features
        values = np.array([features[name] for name in bins.names], np.float32)  # None becomes NaN
        for name in (*vector.tainted, *context.tainted):
            if name in bins.places:
                values[bins.places[name]] = nan
        self.on_rows(model, vector.timeframe, values[None, :])

    def on_rows(self, model: Model, timeframe: Timeframe, values: NDArray[np.float32]) -> None:
        """Take what ``model`` sees at several closes, a row each, in the order of the manifest's references."""
        bins, key = self._bins_of(model, timeframe), (model.version, timeframe)
        parts = self._parts.get(key)
        if parts is None:
            empty = np.zeros((len(bins.names), bins.width), np.int32)
            parts = self._parts[key] = _Parts(empty, empty.copy())
        bins.count(parts.now, values)
        parts.rows += len(values)

    def look(self, model: Model, timeframe: Timeframe, most: int) -> list[Moved]:
        """End a part; the inputs that are furthest in the window before now, where it holds enough."""
        parts = self._parts.get((model.version, timeframe))
        if parts is None or not parts.rows:
            return []
        window = model.manifest.closes[timeframe].window
        _end(parts)
        _drop(parts, _ENOUGH * window)
        if sum(rows for rows, _ in parts.ended) < _ENOUGH * window:
            return []
        return self._bins_of(model, timeframe).furthest(parts.whole, most)

    def _bins_of(self, model: Model, timeframe: Timeframe) -> _Bins:
        key = model.version, timeframe
        found = self._bins.get(key)
        if found is None:
            found = self._bins[key] = _Bins(model.manifest.closes[timeframe])
        return found

    def keep(self, versions: set[str]) -> None:
        """Forget all versions but these."""
        self._parts = {key: parts for key, parts in self._parts.items() if key[0] in versions}
        self._bins = {key: bins for key, bins in self._bins.items() if key[0] in versions}

    def state(self) -> list[Any]:
        """Plain data for recovery; a window of 188 inputs takes some tens of KB."""
        return [_Kept(*key, parts.rows, _packed(parts.now), parts.ended) for key, parts in self._parts.items()]

    def restore(self, state: list[Any], models: Iterable[Model]) -> None:
        """Take up ``state`` again; ``models`` are those that are asked."""
        self._parts = {}
        known = {model.version: model for model in models}
        for kept in msgspec.convert(state, list[_Kept]):
            if kept.version not in known:
                continue  # it was given up
            bins = self._bins_of(known[kept.version], kept.timeframe)
            shape = len(bins.names), bins.width
            whole = np.zeros(shape, np.int32)
            for _, packed in kept.ended:
                whole += _unpacked(packed).reshape(shape)
            now = _unpacked(kept.now).reshape(shape).copy()
            self._parts[kept.version, kept.timeframe] = _Parts(now, whole, kept.rows, list(kept.ended))


def by_part(days: list[dict[str, Any]]) -> list[Any]:
    """The state of what was counted by day, as a part that goes on."""
    return [[day["version"], day["timeframe"], day["rows"], compress(day["counts"], 1), []] for day in days]


def _end(parts: _Parts) -> None:
    parts.ended.append((parts.rows, _packed(parts.now)))
    parts.whole += parts.now
    parts.now = np.zeros_like(parts.now)
    parts.rows = 0
    if len(parts.ended) > _MOST:
        (one, first), (other, second) = parts.ended[:2]
        parts.ended[:2] = [(one + other, _packed(_unpacked(first) + _unpacked(second)))]


def _drop(parts: _Parts, enough: float) -> None:
    """Leave out the oldest that are not needed."""
    rows = sum(rows for rows, _ in parts.ended)
    while rows - parts.ended[0][0] >= enough:
        old, packed = parts.ended.pop(0)
        parts.whole -= _unpacked(packed).reshape(parts.whole.shape)
        rows -= old


def _packed(counts: _Counts) -> bytes:
    return compress(counts.astype("<i4").tobytes(), 1)


def _unpacked(packed: bytes) -> _Counts:
    return np.frombuffer(decompress(packed), "<i4").astype(np.int32)
