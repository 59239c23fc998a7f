"""Drift of what is seen at every close: told once a day, few records, and a restart changes nothing."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from models.drift import counts_of, histogram, psi
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
from tests.operators.desk.support import CALM, closed, definition, standing, vector
from tests.operators.desk.test_drift import drifts
from tests.operators.desk.test_serving import EAGER, activation
from tests.operators.support import ID, ns

AROUND = Context(
    id="", instrument_id=ID, timeframe="5m", ts_close=0, ts_decided=0, schema_hash="", features={}
)  # fmt: skip
NAMES = ("rsi_14", "tfi", "obi_10")
USUAL = np.random.default_rng(5).normal(size=(2_000, 3))


def made(registry: Registry, window: int = 288) -> Model:
    reference = {name: histogram(USUAL[:, at]) for at, name in enumerate(NAMES)}
    about = Everyday(window=window, reference=reference, drift={name: {"psi": 0.2, "ks": 0.15} for name in NAMES})
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
        watch.on_close(model, one, AROUND)
        out += watch.on_day([model], one.ts_close)
    return out


def test_a_day_is_told_at_its_end_and_a_shift_alerts_once(tmp_path: Path) -> None:
    model, watch = made(Registry(tmp_path)), DriftWatch()
    usual = told(watch, model, day(0))
    assert {one.ts_close for one in usual} == {day(0)[-1].ts_close}
    assert usual[0].ts_close % DAY == 0
    assert len(usual) == 5  # of three inputs with two measures each
    assert {one.measure for one in usual} == {"psi_day", "ks_day"}
    (index,) = [one for one in usual if (one.feature, one.measure) == ("tfi", "psi_day")]
    about = model.manifest.closes["5m"].reference["tfi"]
    values = [float(np.float32(one.features["tfi"] or 0.0)) for one in day(0)]
    counts = np.bincount(np.searchsorted(about.edges, values, "right"), minlength=len(about.counts) + 1)
    assert index.value == pytest.approx(psi(counts_of(about), counts.tolist()))
    assert (index.threshold, index.timeframe, index.instrument_id) == (0.2, "5m", "model:majors")
    alerts = [one.feature for one in usual if one.alert and one.feature != "obi_10"]  # that one is often not known
    assert alerts == []
    watch = DriftWatch()
    shifted = told(watch, model, day(1, shift=1.0))
    assert [one.feature for one in shifted if one.alert] == ["tfi"]
    assert shifted[0].feature == "tfi"  # the furthest first


def test_part_of_a_day_is_told_with_the_next_and_other_closes_do_not_count(tmp_path: Path) -> None:
    model, watch = made(Registry(tmp_path)), DriftWatch()
    assert told(watch, model, day(0)[200:]) == []
    between = [replace(one, ts_close=one.ts_close - ns_minute()) for one in day(1)[:50]]
    assert told(watch, model, between) == []
    assert told(watch, model, [replace(one, timeframe="15m") for one in day(1)[:50]]) == []
    (found,) = {one.ts_close for one in told(watch, model, day(1))}
    assert found == day(1)[-1].ts_close


def test_a_restart_at_any_close_changes_nothing(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    model = made(registry, window=250)
    first = day(0)[0].ts_close
    minute = (first - ns(0)) // ns_minute()
    records = [
        closed(replace(one, features={**one.features, **CALM, "tfi": one.features["tfi"]}), known=definition())
        for one in day(0, shift=2.0)
    ]
    begin: list[Told] = [activation(minute, model.version, "majors"), standing(minute + 2_000, ID)]
    expected = Desk(EAGER, registry).on_batch([*begin, *records])
    found = [one for one in drifts(expected) if one.measure.endswith("_day")]
    assert len(found) == 5
    desk, out = Desk(EAGER, registry), list[Drift]()
    out += drifts(desk.on_batch(begin))
    for at in range(0, len(records), 48):
        out += drifts(desk.on_batch(records[at : at + 48]))
        desk = Desk.restored(desk.state(), EAGER, registry)
    assert [one for one in out if one.measure.endswith("_day")] == found


def test_the_state_of_before_is_gone_on_with() -> None:
    desk = Desk(EAGER)
    state = Layout("desk", 14).unseal(desk.state())
    state["serving"][4] = state["serving"][4][:2]
    assert Desk.restored(Layout("desk", 8).seal(state), EAGER).state() == desk.state()


def test_a_version_without_such_references_is_not_watched(tmp_path: Path) -> None:
    one, registry = trained(catalogue=PROGRAM), Registry(tmp_path)
    model = registry.load("majors", registry.add(one.manifest, one.files, PROGRAM), PROGRAM)
    assert told(DriftWatch(), model, day(0, shift=3.0)) == []
