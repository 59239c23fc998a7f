"""Drift of what is seen at every close: looked at by part of a day, few records, and a restart changes nothing."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from models.drift import bin_of, binned_ks, counts_of, histogram, location, psi
from models.registry import Model, Registry
from models.trained import Everyday
from operators.closed import Told
from operators.desk.desk import Desk
from operators.desk.drift import DriftWatch
from operators.desk.serving import PROGRAM
from schemas.layouts import Layout
from schemas.results import Context, Drift, Vector
from schemas.time import DAY
from tests.models.trees import trained
from tests.operators.desk.support import CALM, closed, definition, older, standing, vector
from tests.operators.desk.test_drift import drifts
from tests.operators.desk.test_serving import EAGER, activation
from tests.operators.support import ID, ns

AROUND = Context(
    id="", instrument_id=ID, timeframe="5m", ts_close=0, ts_decided=0, schema_hash="", features={}
)  # fmt: skip
NAMES = ("rsi_14", "tfi", "obi_10")
LIMITS = {"location": 0.3, "psi": 0.2, "ks": 0.15}
USUAL = np.random.default_rng(5).normal(size=(2_000, 3))


def made(registry: Registry, window: int = 264) -> Model:
    reference = {name: histogram(USUAL[:, at]) for at, name in enumerate(NAMES)}
    about = Everyday(window=window, reference=reference, drift=dict.fromkeys(NAMES, LIMITS))
    one = trained(catalogue=PROGRAM)
    version = registry.add(replace(one.manifest, closes={"5m": about}), one.files, PROGRAM)
    return registry.load("majors", version, PROGRAM)


def day(number: int, shift: float = 0.0, timeframe: str = "5m") -> list[Vector]:
    """All closes of a day (0: the first whole one); tfi is shifted, and obi_10 tainted now and then."""
    first = 24 * 60 - (ns(0) % DAY) // ns_minute() + number * 24 * 60
    values = np.random.default_rng(number).normal(size=(288, 3))
    return [
        vector(
            first + 5 * (at + 1), {"rsi_14": row[0], "tfi": row[1] + shift, "obi_10": None if at % 9 == 0 else row[2]},
            timeframe="5m",
        )
        for at, row in enumerate(values.tolist())
    ]  # fmt: skip


def ns_minute() -> int:
    return ns(60) - ns(0)


def told(watch: DriftWatch, model: Model, vectors: list[Vector]) -> list[Drift]:
    out = []
    for one in vectors:
        watch.closes.on_close(model, one, AROUND)
        out += watch.look([model], one.ts_close)
    return out


def counts(model: Model, name: str, vectors: list[Vector]) -> tuple[list[int], list[int]]:
    about = model.manifest.closes["5m"].reference[name]
    bins = bin_of(about, np.array([one.features[name] for one in vectors], np.float32))
    return counts_of(about), np.bincount(bins, minlength=len(about.counts) + 1).tolist()


def test_a_window_is_told_at_the_end_of_a_day_by_its_definitions(tmp_path: Path) -> None:
    model = made(Registry(tmp_path))
    usual = [one for one in told(DriftWatch(), model, day(0)) if one.ts_close == day(0)[-1].ts_close]
    assert usual[0].ts_close % DAY == 0
    assert len(usual) == 5  # of three inputs with three measures each
    measures = {"location_day": location, "psi_day": psi, "ks_day": binned_ks}
    assert {one.measure for one in usual} == {*measures}
    for one in usual:
        expected = measures[one.measure](*counts(model, one.feature, day(0)[24:]))  # the last 22 hours
        assert one.value == pytest.approx(expected)
        assert one.threshold == LIMITS[one.measure.removesuffix("_day")]
        assert (one.timeframe, one.instrument_id) == ("5m", "model:majors")
    beyond = [(one.value - one.threshold) / one.threshold for one in usual if one.threshold]
    assert beyond == sorted(beyond, reverse=True)


@pytest.mark.parametrize("begins", [0, 100, 170, 250])
def test_a_shift_alerts_within_a_day_whenever_it_begins_and_once_a_day(tmp_path: Path, begins: int) -> None:
    model = made(Registry(tmp_path))
    vectors = day(0) + day(1)[:begins] + day(1, shift=1.0)[begins:] + day(2, shift=1.0)
    out = told(DriftWatch(), model, [known(one) for one in vectors])
    (first, *more) = [one for one in out if one.alert]
    assert first.feature == "tfi"
    assert 0 < first.ts_close - vectors[288 + begins - 1].ts_close <= DAY
    assert len(more) <= 1
    assert all(one.ts_close >= first.ts_close + DAY for one in more)
    between = [one for one in out if one.ts_close % DAY]
    assert all(one.threshold is not None and one.value > one.threshold for one in between)


def known(one: Vector) -> Vector:
    """With no input that is often not known, which is drift too."""
    return replace(one, features={**one.features, "obi_10": one.features["rsi_14"]})


def test_too_few_closes_are_not_looked_at_and_gaps_are_filled_with_older_ones(tmp_path: Path) -> None:
    model, watch = made(Registry(tmp_path)), DriftWatch()
    assert told(watch, model, day(0)[:240]) == []
    between = [replace(one, ts_close=one.ts_close - ns_minute()) for one in day(1)[:50]]
    assert told(watch, model, between) == []
    assert told(watch, model, [replace(one, timeframe="15m") for one in day(1)[:50]]) == []
    watch = DriftWatch()
    told(watch, model, day(0)[:240])
    assert told(watch, model, day(3)[:48]) != []  # after more than two days of nothing
    (parts,) = watch.closes.state()
    assert sum(rows for rows, _ in parts.ended) == 264


def test_a_restart_at_any_close_changes_nothing(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    model = made(registry, window=200)
    first = day(0)[0].ts_close
    minute = (first - ns(0)) // ns_minute()
    records = [
        closed(replace(one, features={**one.features, **CALM, "tfi": one.features["tfi"]}), known=definition())
        for one in day(0, shift=2.0)
    ]
    begin: list[Told] = [activation(minute, model.version, "majors"), standing(minute + 2_000, ID)]
    expected = Desk(EAGER, registry).on_batch([*begin, *records])
    found = [one for one in drifts(expected) if one.measure.endswith("_day")]
    assert len(found) >= 5
    desk, out = Desk(EAGER, registry), list[Drift]()
    out += drifts(desk.on_batch(begin))
    for at in range(0, len(records), 48):
        out += drifts(desk.on_batch(records[at : at + 48]))
        desk = Desk.restored(desk.state(), EAGER, registry)
    assert [one for one in out if one.measure.endswith("_day")] == found


def test_the_state_of_before_is_gone_on_with(tmp_path: Path) -> None:
    """The day that has been counted so far becomes a part."""
    registry = Registry(tmp_path)
    model = made(registry)
    desk = Desk(EAGER, registry)
    desk.serving.active = {"majors": model.version}
    state = older(Layout("desk", 17).unseal(desk.state()))
    state["serving"][4] = state["serving"][4][:2]
    assert Desk.restored(Layout("desk", 8).seal(state), EAGER, registry).state() == desk.state()
    counted = np.ones((3, 11), "<i4").tobytes()
    state["serving"][4] = [{}, 0, [{"version": model.version, "timeframe": "5m", "rows": 11, "counts": counted}], 20]
    watch = Desk.restored(Layout("desk", 14).seal(state), EAGER, registry).serving._watch
    assert watch.state()[3] == 20 * 12
    (parts,) = watch.closes.state()
    assert (parts.rows, parts.version, parts.ended) == (11, model.version, [])


def test_a_version_without_such_references_is_not_watched(tmp_path: Path) -> None:
    one, registry = trained(catalogue=PROGRAM), Registry(tmp_path)
    model = registry.load("majors", registry.add(one.manifest, one.files, PROGRAM), PROGRAM)
    assert told(DriftWatch(), model, day(0, shift=3.0)) == []
