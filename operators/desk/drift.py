"""Whether what models see still is what they were trained on: windows of candidates held against the manifests."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from math import copysign, fsum, inf, isnan, sqrt
from typing import Any, Final

import msgspec
from msgspec import Struct

from models.barriers import Label
from models.drift import PART, WINDOW, binned_ks, counts_of, jensen_shannon, kullback_leibler, location, psi
from models.outcomes import by_chance, together
from models.registry import Model
from models.rows import Row
from models.trained import Histogram
from operators.desk.everyday import EverydayWatch
from schemas.identifiers import derive
from schemas.results import Drift
from schemas.time import DAY, Timeframe

__all__ = ["DriftWatch", "Place"]

_OUTPUT: Final = "probability"
_OUTCOME: Final = "outcome"
_TOLD: Final = 5
"""Records of a version and timeframe, at each look at most."""
_MEASURES: Final = {"location": location, "psi": psi, "ks": binned_ks}


class Place(Struct, frozen=True):
    """At which a window is completed."""

    ts_close: int
    timeframe: Timeframe
    candidate: str = ""
    """By whose row or outcome, as there may be several at one close; empty: by that of a day."""


class _Ended(Struct, array_like=True):
    """An outcome of what was said."""

    probability: float
    win: bool
    ts_entry: int
    ts_end: int


class _Window(Struct):
    """What came together of one version since the last window was told."""

    inputs: list[list[int]]
    """Counts by input, then bin."""
    output: list[int]
    rows: int = 0
    ended: list[_Ended] = []


class DriftWatch:
    """Counts each version's rows and labels; after `WINDOW` of either they are told and begun anew.

    Of each input the location, the population stability index and the Kolmogorov-Smirnov distance of its bins; of the
    probability, Kullback-Leibler and Jensen-Shannon divergence from those out of sample; of outcomes, how far their
    number lies from what was expected, in standard deviations, and the share of wins from that out of sample. What is
    seen at closes is looked at by `EverydayWatch`, several times a day.

    What is beyond its threshold, or a change of the online losses, raises an alert; of all that is told at once only
    the furthest one, and none within a day of another, whatever model it is of.
    """

    def __init__(self) -> None:
        self.closes = EverydayWatch()
        self._windows: dict[str, _Window] = {}
        self._part = 0
        self._quiet_until = 0

    def look(self, models: Sequence[Model], ts_close: int) -> list[Drift]:
        """At the first close that ends a part of a day (UTC): the records of what ``models`` saw before it.

        Of each version and timeframe only the inputs that are furthest, and but for the end of a day only those that
        are beyond their thresholds, so that records stay few.
        """
        part = ts_close // PART
        if part <= self._part or not models:
            return []
        whole = part * PART // DAY > self._part * PART // DAY
        self._part = part
        out: list[Drift] = []
        for model in models:
            for timeframe in model.manifest.closes:
                for moved in self.closes.look(model, timeframe, _TOLD):
                    place, measure = Place(ts_close, timeframe), f"{moved.measure}_day"
                    one = _record(model, moved.feature, measure, moved.value, place, moved.threshold)
                    if whole or _beyond(one) > 0:
                        out.append(one)
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

    def on_label(self, model: Model, probability: float, label: Label, place: Place) -> list[Drift]:
        """Take the outcome of a candidate that was entered, of which ``model`` had said ``probability``.

        The limits are the greater ones of training and of chance, given how the outcomes of the window overlap.
        """
        window, entry = self._window(model), label.ts_end if label.ts_entry is None else label.ts_entry
        window.ended.append(_Ended(probability, bool(label.win), entry, label.ts_end))
        if len(window.ended) < WINDOW:
            return []
        ended, window.ended = window.ended, []
        variances = [one.probability * (1.0 - one.probability) for one in ended]
        begin, end = [one.ts_entry for one in ended], [one.ts_end for one in ended]
        far = by_chance((max(end) - min(begin)) / DAY) * sqrt(together(begin, end, variances))
        wins, error = sum(one.win for one in ended), sqrt(max(fsum(variances), 1e-9))
        out = [self._stray(model, "calibration", (wins - fsum(one.probability for one in ended)) / error, far, place)]
        usual = _usual_rate(model)
        if usual is not None:
            error = sqrt(max(usual * (1.0 - usual), 1e-9) / len(ended))
            out.append(self._stray(model, "label_rate", wins / len(ended) - usual, far * error, place))
        return self._alerted(out, place)

    def _stray(self, model: Model, measure: str, value: float, by_chance: float, place: Place) -> Drift:
        """The threshold has the sign of what it is held against."""
        limit = max(by_chance, model.manifest.said.get(measure, 0.0))
        return _record(model, _OUTCOME, measure, value, place, copysign(limit, value))

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
                limits = manifest.drift.get(name, {})
                for measure, far in _MEASURES.items():
                    out.append(_record(model, name, measure, far(reference, counts), place, limits.get(measure)))
        if manifest.scores is not None:
            reference = counts_of(manifest.scores)
            for measure, of in (("kl", kullback_leibler), ("js", jensen_shannon)):
                limit = manifest.said.get(measure)
                out.append(_record(model, _OUTPUT, measure, of(reference, window.output), place, limit))
        del self._windows[model.version]
        if window.ended:
            self._window(model).ended = window.ended
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
        self.closes.keep(versions)

    def state(self) -> list[Any]:
        """Plain data for recovery."""
        return [self._windows, self._quiet_until, self.closes.state(), self._part]

    def restore(self, state: list[Any], models: Iterable[Model]) -> None:
        """Take up ``state`` again; ``models`` are those that are asked."""
        self._windows, self._quiet_until, closes, self._part = msgspec.convert(
            state, tuple[dict[str, _Window], int, list[Any], int]
        )
        self.closes.restore(closes, models)


def _bin(histogram: Histogram, value: float) -> int:
    return len(histogram.counts) if isnan(value) else bisect_right(histogram.edges, value)


def _beyond(record: Drift) -> float:
    """How far beyond its threshold, in thresholds; without one, never."""
    return record.value / record.threshold - 1.0 if record.threshold else -inf


def _usual_rate(model: Model) -> float | None:
    """The share of wins out of sample."""
    rows = sum(one.rows for one in model.manifest.curve)
    return fsum(one.seen * one.rows for one in model.manifest.curve) / rows if rows else None


def _record(
    model: Model, feature: str, measure: str, value: float, place: Place, threshold: float | None = None
) -> Drift:
    name, version = f"model:{model.manifest.model}", model.version
    return Drift(
        id=derive("drift", name, version, feature, measure, place.timeframe, place.ts_close, place.candidate),
        instrument_id=name, timeframe=place.timeframe, feature=feature, ts_close=place.ts_close, measure=measure,
        value=value, threshold=threshold,
    )  # fmt: skip
