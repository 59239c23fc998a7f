"""Whether what models see still is what they were trained on: windows of candidates held against the manifests."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from math import inf, isnan, nan, sqrt
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from models.drift import GRID, WINDOW, binned_ks, counts_of, jensen_shannon, kullback_leibler, psi
from models.registry import Model
from models.rows import Row
from models.trained import Everyday, Histogram
from schemas.identifiers import derive
from schemas.results import Context, Drift, Vector
from schemas.time import DAY, Timeframe

__all__ = ["DriftWatch", "Place"]

_OUTPUT: Final = "probability"
_OUTCOME: Final = "outcome"
_ENOUGH: Final = 0.9
"""Of the closes that a day of training had; with fewer a day is told together with the next."""
_TOLD: Final = 5
"""Records of a version and timeframe a day."""


class Place(Struct, frozen=True):
    """At which a window is completed."""

    ts_close: int
    timeframe: Timeframe
    candidate: str = ""
    """By whose row or outcome, as there may be several at one close; empty: by that of a day."""


class _Window(Struct):
    """What came together of one version since the last window was told."""

    inputs: list[list[int]]
    """Counts by input, then bin."""
    output: list[int]
    rows: int = 0
    labels: int = 0
    wins: int = 0
    expected: float = 0.0
    """Sum of the labelled candidates' probabilities."""
    variance: float = 0.0


class _Bins:
    """Where what is seen at a close falls, of all inputs at once: a vector has to take next to no time."""

    def __init__(self, about: Everyday) -> None:
        self.names = list(about.reference)
        histograms = list(about.reference.values())
        self.reference = [counts_of(one) for one in histograms]
        self.width = max(map(len, self.reference), default=1)
        self._places = {name: at for at, name in enumerate(self.names)}
        self._first = np.arange(len(self.names)) * self.width
        self._missing = np.array([len(one.counts) for one in histograms], np.intp)
        self._edges = np.full((len(histograms), self.width), np.inf)
        for row, one in zip(self._edges, histograms, strict=True):
            row[: len(one.edges)] = one.edges

    def count(self, counts: NDArray[np.int32], vector: Vector, context: Context) -> None:
        features = vector.features | context.features
        values = np.array([features[name] for name in self.names], np.float32)  # None becomes NaN
        for name in (*vector.tainted, *context.tainted):
            if name in self._places:
                values[self._places[name]] = nan
        bins = (values[:, None] >= self._edges).sum(axis=1)
        bins = np.where(np.isnan(values), self._missing, np.minimum(bins, self._missing - 1))  # infinite: the last
        counts.reshape(-1)[self._first + bins] += 1


class _Day(Struct):
    """What a version saw at the closes of a timeframe since that was last told."""

    version: str
    timeframe: Timeframe
    rows: int
    counts: bytes
    """By input and bin, as 4-byte integers, in recovery."""


class DriftWatch:
    """Counts each version's rows and labels; after `WINDOW` of either they are told and begun anew.

    At the end of a day the same is told of what was seen at its closes, by timeframe.

    Of each input the population stability index and the Kolmogorov-Smirnov distance of its bins; of the probability,
    Kullback-Leibler and Jensen-Shannon divergence from those out of sample; of outcomes, how far their number lies from
    what was expected, in standard deviations, and the share of wins. Only an index with a threshold of the manifest, or
    a change of the online losses, raises an alert; of each window only the furthest one, and none within a day of
    another, whatever model it is of.
    """

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}
        self._days: dict[tuple[str, Timeframe], tuple[NDArray[np.int32], list[int]]] = {}  # counts, and rows
        self._bins: dict[tuple[str, Timeframe], _Bins] = {}
        self._today = 0
        self._quiet_until = 0

    def on_close(self, model: Model, vector: Vector, context: Context) -> None:
        """Take what ``model`` sees at a close, whether there is a candidate or not."""
        about = model.manifest.closes.get(vector.timeframe)
        if about is None or vector.ts_close % GRID:
            return
        key = model.version, vector.timeframe
        bins = self._bins.get(key)
        if bins is None:
            bins = self._bins[key] = _Bins(about)
        if key not in self._days:
            self._days[key] = np.zeros((len(bins.names), bins.width), np.int32), [0]
        counts, rows = self._days[key]
        bins.count(counts, vector, context)
        rows[0] += 1

    def on_day(self, models: Sequence[Model], ts_close: int) -> list[Drift]:
        """At the first close that ends a day (UTC): the records of what ``models`` saw, where it is enough.

        Of each version and timeframe only the inputs that are furthest, so that records stay few.
        """
        day = ts_close // DAY
        if day <= self._today or not models:
            return []
        self._today = day
        out: list[Drift] = []
        for model in models:
            for timeframe, about in model.manifest.closes.items():
                key = model.version, timeframe
                if key in self._days and self._days[key][1][0] >= _ENOUGH * about.window:
                    out += _worst(model, about, self._bins[key], self._days.pop(key)[0], Place(ts_close, timeframe))
        return self._alerted(out, Place(ts_close, "1m"))

    def on_row(self, model: Model, row: Row, probability: float, place: Place) -> list[Drift]:
        """Take what ``model`` saw and said; the records of the window that it completes."""
        window, manifest = self._window(model), model.manifest
        for at, (name, value) in enumerate(zip(manifest.inputs, row.tolist(), strict=True)):
            histogram = manifest.reference.get(name)
            if histogram is not None:
                window.inputs[at][_bin(histogram, value)] += 1
        if manifest.scores is not None:
            window.output[_bin(manifest.scores, probability)] += 1
        window.rows += 1
        return self._tell_rows(model, window, place) if window.rows >= WINDOW else []

    def on_label(self, model: Model, probability: float, place: Place, *, win: bool) -> list[Drift]:
        """Take an outcome of what ``model`` said."""
        window = self._window(model)
        window.labels += 1
        window.wins += win
        window.expected += probability
        window.variance += probability * (1.0 - probability)
        if window.labels < WINDOW:
            return []
        surprise = (window.wins - window.expected) / sqrt(max(window.variance, 1e-9))
        rate = window.wins / window.labels
        window.labels, window.wins, window.expected, window.variance = 0, 0, 0.0, 0.0
        return [
            _record(model, _OUTCOME, "calibration", surprise, place),
            _record(model, _OUTCOME, "label_rate", rate, place),
        ]

    def _window(self, model: Model) -> _Window:
        manifest, version = model.manifest, model.version
        found = self._windows.get(version)
        if found is None:
            places = [manifest.reference.get(name) for name in manifest.inputs]
            inputs = [[0] * (0 if one is None else len(one.counts) + 1) for one in places]
            output = [0] * (0 if manifest.scores is None else len(manifest.scores.counts) + 1)
            found = self._windows[version] = _Window(inputs, output)
        return found

    def _tell_rows(self, model: Model, window: _Window, place: Place) -> list[Drift]:
        manifest = model.manifest
        out: list[Drift] = []
        for name, counts in zip(manifest.inputs, window.inputs, strict=True):
            histogram = manifest.reference.get(name)
            if histogram is not None:
                reference = counts_of(histogram)
                limit = manifest.drift.get(name, {}).get("psi")
                out.append(_record(model, name, "psi", psi(reference, counts), place, limit))
                out.append(_record(model, name, "ks", binned_ks(reference, counts), place))
        if manifest.scores is not None:
            reference = counts_of(manifest.scores)
            out.append(_record(model, _OUTPUT, "kl", kullback_leibler(reference, window.output), place))
            out.append(_record(model, _OUTPUT, "js", jensen_shannon(reference, window.output), place))
        del self._windows[model.version]
        if window.labels:
            kept = self._window(model)
            kept.labels, kept.wins, kept.expected, kept.variance = (
                window.labels, window.wins, window.expected, window.variance,
            )  # fmt: skip
        return self._alerted(out, place)

    def _alerted(self, records: list[Drift], place: Place) -> list[Drift]:
        """With an alert at the record that is furthest beyond its threshold, if one is due."""
        beyond = [_beyond(one) for one in records]
        furthest = max(range(len(records)), key=lambda at: beyond[at], default=0)
        if not records or beyond[furthest] <= 0 or place.ts_close < self._quiet_until:
            return records
        self._quiet_until = place.ts_close + DAY
        records[furthest] = msgspec.structs.replace(records[furthest], alert=True)
        return records

    def on_losses(self, measures: list[str], loss: float, place: Place) -> list[Drift]:
        """Take what says that the pooled ``loss`` of the online models has changed."""
        name = "model:ensemble"
        found = [
            Drift(
                id=derive("drift", name, measure, place.ts_close, place.candidate), instrument_id=name,
                timeframe=place.timeframe, feature="loss", ts_close=place.ts_close, measure=measure, value=loss,
            )
            for measure in measures
        ]  # fmt: skip
        if found and place.ts_close >= self._quiet_until:
            self._quiet_until = place.ts_close + DAY
            found[0] = msgspec.structs.replace(found[0], alert=True)
        return found

    def keep(self, versions: set[str]) -> None:
        """Forget all versions but these."""
        self._windows = {version: window for version, window in self._windows.items() if version in versions}
        self._days = {key: day for key, day in self._days.items() if key[0] in versions}
        self._bins = {key: bins for key, bins in self._bins.items() if key[0] in versions}

    def state(self) -> list[Any]:
        """Plain data for recovery."""
        days = [_Day(*key, rows[0], counts.astype("<i4").tobytes()) for key, (counts, rows) in self._days.items()]
        return [self._windows, self._quiet_until, days, self._today]

    def restore(self, state: list[Any], models: Iterable[Model]) -> None:
        """Take up ``state`` again; ``models`` are those that are asked."""
        self._windows, self._quiet_until, days, self._today = msgspec.convert(
            state, tuple[dict[str, _Window], int, list[_Day], int]
        )
        manifests = {model.version: model.manifest for model in models}
        for day in days:
            if day.version not in manifests:
                continue  # it was given up
            key, manifest = (day.version, day.timeframe), manifests[day.version]
            bins = self._bins[key] = _Bins(manifest.closes[day.timeframe])
            counts = np.frombuffer(day.counts, "<i4").astype(np.int32).reshape(len(bins.names), bins.width)
            self._days[key] = counts, [day.rows]


def _bin(histogram: Histogram, value: float) -> int:
    return len(histogram.counts) if isnan(value) else bisect_right(histogram.edges, value)


def _worst(model: Model, about: Everyday, bins: _Bins, counts: NDArray[np.int32], place: Place) -> list[Drift]:
    found = []
    for name, reference, row in zip(bins.names, bins.reference, counts, strict=True):
        current, limits = row[: len(reference)].tolist(), about.drift.get(name, {})
        for measure, value in (("psi", psi(reference, current)), ("ks", binned_ks(reference, current))):
            found.append(_record(model, name, f"{measure}_day", value, place, limits.get(measure)))
    return sorted(found, key=_beyond, reverse=True)[:_TOLD]


def _beyond(record: Drift) -> float:
    """How far beyond its threshold, in thresholds; without one, never."""
    return -inf if not record.threshold else (record.value - record.threshold) / abs(record.threshold)


def _record(
    model: Model, feature: str, measure: str, value: float, place: Place, threshold: float | None = None
) -> Drift:
    name, version = f"model:{model.manifest.model}", model.version
    return Drift(
        id=derive("drift", name, version, feature, measure, place.timeframe, place.ts_close, place.candidate),
        instrument_id=name, timeframe=place.timeframe, feature=feature, ts_close=place.ts_close, measure=measure,
        value=value, threshold=threshold,
    )  # fmt: skip
