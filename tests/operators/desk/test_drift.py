"""Drift at the desk: windows are told whole, alerts are few, and a restart changes nothing."""

from collections import Counter
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from models.barriers import Label
from models.drift import WINDOW, counts_of, histogram, psi
from models.errors import ModelRefused
from models.manifest import decode
from models.registry import Model, Registry
from operators.closed import Closed
from operators.desk.desk import Desk
from operators.desk.drift import DriftWatch, Place
from operators.desk.serving import PROGRAM
from schemas.cards import CurveBin
from schemas.results import Context, Drift
from schemas.time import DAY, HOUR, MINUTE
from schemas.topics import Outgoing
from tests.models.catalogue import INPUTS
from tests.models.trees import Trained, trained
from tests.operators.desk.support import CALM, RISING, closed, definition, standing, vector
from tests.operators.desk.test_learning import CONFIG, STRATEGY, Told, bar, market
from tests.operators.desk.test_serving import EAGER, activation
from tests.operators.support import ID, ns

START = 19_700 * DAY


def referenced(limit: float = 0.25) -> Trained:
    """With histograms of what it was trained on, and thresholds."""
    made = trained(catalogue=PROGRAM)
    reference = {name: histogram(made.rows[:, at]) for at, name in enumerate(made.manifest.inputs)}
    drift = {name: {"psi": limit} for name in reference}
    manifest = replace(made.manifest, reference=reference, drift=drift, scores=histogram(np.linspace(0, 1, 500)))
    return made._replace(manifest=manifest)


def drifts(out: list[Outgoing]) -> list[Drift]:
    found = [msgspec.json.decode(sent.value, type=Drift) for sent in out if sent.topic == "quality.drift"]
    assert len({one.id for one in found}) == len(found)
    return found


def test_what_was_trained_on_is_no_drift_and_a_shift_is_told_once(tmp_path: Path) -> None:
    made = referenced()
    registry = Registry(tmp_path)
    loaded = registry.load("majors", registry.add(made.manifest, made.files, PROGRAM), PROGRAM)
    watch, out = DriftWatch(), []
    for number, row in enumerate(made.rows[: 3 * WINDOW]):
        out += watch.on_row(loaded, row, (number % 100) / 100, Place(START + number * HOUR, "5m"))
    assert len(out) == 3 * (3 * len(made.manifest.inputs) + 2)
    assert not any(one.alert for one in out)
    assert all(one.value < 0.25 for one in out if one.measure in {"psi", "kl", "js"})
    first = next(one for one in out if one.feature == "tfi" and one.measure == "psi")
    about = made.manifest.reference["tfi"]
    counts = np.bincount(
        np.where(
            np.isnan(made.rows[:WINDOW, 1]),
            len(about.counts),
            np.searchsorted(about.edges, made.rows[:WINDOW, 1], "right"),
        ),
        minlength=len(about.counts) + 1,
    )
    assert first.value == pytest.approx(psi(counts_of(about), counts.tolist()))
    assert (first.instrument_id, first.timeframe, first.threshold) == ("model:majors", "5m", 0.25)
    shifted = made.rows[: 2 * WINDOW] + np.array([0, 2, 0, 0, 0], np.float32)
    later = START + 1_000 * HOUR
    told = [one for n, row in enumerate(shifted) for one in watch.on_row(loaded, row, 0.5, Place(later + n, "5m"))]
    assert [(one.feature, one.measure) for one in told if one.alert] == [("tfi", "psi")]  # the second is within a day


SMALL = st.integers(-1, 3)
EDGES = st.lists(st.sampled_from([-1e300, -0.5, 0.0, 0.5, 1e300]), max_size=3)
HISTOGRAMS = st.fixed_dictionaries({"edges": EDGES, "counts": st.lists(SMALL, max_size=4), "missing": SMALL})
USUAL = {"edges": [0.0], "counts": [3, 0], "missing": 0}
REFERENCES = st.dictionaries(st.sampled_from([*INPUTS, "x"]), st.just(USUAL) | HISTOGRAMS, max_size=2)
DRIFTS = st.dictionaries(
    st.sampled_from(INPUTS), st.dictionaries(st.sampled_from(["psi", "ks"]), st.floats(allow_nan=True)), max_size=2
)
CLOSES = st.dictionaries(
    st.sampled_from(["5m", "1d", "7m"]),
    st.fixed_dictionaries({"window": SMALL, "reference": REFERENCES, "drift": DRIFTS}),
    max_size=2,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    told=st.fixed_dictionaries(
        {}, optional={"reference": REFERENCES, "scores": HISTOGRAMS, "drift": DRIFTS, "closes": CLOSES}
    )
)
@example(told={"scores": {"edges": [0.1, 0.2], "counts": [5], "missing": 0}})
@example(told={"reference": {"tfi": {"edges": [0.1], "counts": [0, 0], "missing": 0}}})
@example(told={"reference": {"tfi": {"edges": [0.1], "counts": [-7, 9], "missing": 0}}})
@example(told={"closes": {"5m": {"window": 1, "reference": {"direction": USUAL}, "drift": {}}}})
@example(told={"closes": {"5m": {"window": 1, "reference": {}, "drift": {}}}})
def test_whatever_a_manifest_says_it_is_refused_or_can_be_watched(told: dict[str, Any]) -> None:
    made = trained(catalogue=PROGRAM)
    try:
        manifest = decode(msgspec.json.encode(msgspec.to_builtins(made.manifest) | told))
    except ModelRefused:
        return
    with TemporaryDirectory() as place:
        registry = Registry(Path(place))
        model = registry.load("majors", registry.add(manifest, made.files, PROGRAM), PROGRAM)
    watch, out = DriftWatch(), []
    around = Context(id="", instrument_id=ID, timeframe="5m", ts_close=0, ts_decided=0, schema_hash="", features={})
    for row in made.rows[:WINDOW]:
        out += watch.on_row(model, row, 0.5, Place(START, "5m"))
        out += watch.on_label(model, 0.5, ended(0, win=True), Place(START, "1m"))
    for timeframe in ("5m", "1d"):
        seen = replace(vector(5, {"tfi": 0.2}, timeframe="5m"), timeframe=timeframe, ts_close=START)
        watch.closes.on_close(model, seen, around)
    restored = DriftWatch()
    restored.restore(msgspec.json.decode(msgspec.json.encode(watch.state())), [model])
    out += restored.look([model], START)
    assert all(isfinite(one.value) for one in out)
    assert sum(len(one.reference) > 0 for one in manifest.closes.values()) <= sum("_day" in one.measure for one in out)


def test_the_desk_tells_windows_and_a_restart_changes_nothing(tmp_path: Path) -> None:
    made = referenced()
    registry = Registry(tmp_path)
    version = registry.add(made.manifest, made.files, PROGRAM)
    records = [record for stream in market(110).values() for record in stream]
    told = [activation(1, version, "majors"), *records]
    expected = Desk(EAGER, registry).on_batch(told)
    found = drifts(expected)
    assert {one.measure for one in found} == {"location", "psi", "ks", "kl", "js"}
    assert sum(one.alert for one in found) == 1  # always the same two rows: nothing like the training
    desk, out = Desk(EAGER, registry), list[Outgoing]()
    for begin in range(0, len(told), 37):
        out += desk.on_batch(told[begin : begin + 37])
        desk = Desk.restored(desk.state(), EAGER, registry)
    assert drifts(out) == found


def test_windows_that_several_complete_at_one_close_are_told_apart(tmp_path: Path) -> None:
    """A crash: hundreds of instruments have a candidate at one close, and all of them end at another."""
    model = referenced()
    registry = Registry(tmp_path)
    names = [f"x:{number:03}/b" for number in range(2 * WINDOW)]
    version = registry.add(replace(model.manifest, strategy_version=STRATEGY), model.files, PROGRAM)
    told: list[Told] = [standing(9, *names), activation(1, version, "majors")]
    for minute, features in enumerate((RISING, *[CALM] * 5), start=1):
        for name in names:
            made = bar(minute, name)
            seen = vector(minute, features, instrument_id=name, bid=made.bid_last, ask=made.ask_last)
            told.append(closed(seen, known=definition(name), bar=made))
    found = drifts(Desk(CONFIG, registry).on_batch(told))
    assert Counter((one.feature, one.measure) for one in found if one.ts_close == ns(60))["probability", "kl"] == 2
    assert Counter(one.measure for one in found)["calibration"] == 2


def test_losses_that_change_twice_at_one_close_are_told_apart() -> None:
    watch = DriftWatch()
    one, other = (
        drift
        for candidate, loss in (("a", 0.9), ("b", 1.4))
        for drift in watch.on_losses(["adwin"], loss, Place(START, "1m", candidate))
    )
    assert one.id != other.id


def test_when_an_activation_arrives_changes_nothing_that_is_counted(tmp_path: Path) -> None:
    """What waits is loaded already; the version that served before and is to serve again begins anew all the same."""
    registry = Registry(tmp_path)
    made = referenced()
    one, other = (
        registry.add(replace(made.manifest, seed=seed, strategy_version=STRATEGY), made.files, PROGRAM)
        for seed in (1, 2)
    )
    records = [record for stream in market(60).values() for record in stream]
    told = [activation(1, one, "majors"), activation(20, other, "majors"), activation(40, one, "majors")]
    early, late = Desk(CONFIG, registry), Desk(CONFIG, registry)
    expected = early.on_batch([*told, *records])
    out: list[Outgoing] = []
    for record in sorted(records, key=lambda one: one.ts_close if isinstance(one, Closed) else 0):
        while told and isinstance(record, Closed) and record.ts_close >= told[0].known:
            out += late.on_batch([told.pop(0)])
        out += late.on_batch([record])
    assert out == expected
    assert late.serving._watch.state() == early.serving._watch.state()
    windows = late.serving._watch._windows
    assert set(windows) == {one}
    assert 0 < windows[one].rows <= 2 * 21
    assert 0 < len(windows[one].ended) <= 2 * 21


def ended(number: int, *, win: bool, hours: int = 2) -> Label:
    """Of a candidate each ten minutes."""
    begin = START + number * 10 * MINUTE
    return Label(
        candidate_id=str(number), instrument_id=ID, status="horizon", ts_end=begin + hours * HOUR, spread_model=False,
        gap=False, ts_entry=begin, net_return=0.01 if win else -0.01,
    )  # fmt: skip


@pytest.fixture
def model(tmp_path: Path) -> Model:
    made, registry = referenced(), Registry(tmp_path)
    manifest = replace(made.manifest, curve=[CurveBin(said=0.5, seen=0.6, rows=700)])
    return registry.load("majors", registry.add(manifest, made.files, PROGRAM), PROGRAM)


def held(model: Model, rate: float, *, windows: int = 1, hours: int = 2) -> list[Drift]:
    """What is told where a model says 0.6, and that share of candidates wins."""
    watch, random = DriftWatch(), np.random.default_rng(4)
    return [
        one
        for number, win in enumerate((random.random(windows * WINDOW) < rate).tolist())
        for one in watch.on_label(
            model, 0.6, ended(number, win=win, hours=hours), Place(START + number * 10 * MINUTE, "1m")
        )
    ]


def test_labels_are_held_against_what_was_said_and_alert(model: Model) -> None:
    wins = int((np.random.default_rng(4).random(WINDOW) < 0.25).sum())
    surprise, rate = held(model, 0.25)
    assert (surprise.measure, rate.measure) == ("calibration", "label_rate")
    assert surprise.value == pytest.approx((wins - 120) / (200 * 0.24) ** 0.5)
    assert rate.value == pytest.approx(wins / WINDOW - 0.6)
    for one in (surprise, rate):
        assert one.threshold is not None
        assert one.value < one.threshold < 0
    assert [one.alert for one in (surprise, rate)].count(True) == 1


def test_outcomes_that_overlap_prove_less(model: Model) -> None:
    assert any(one.alert for one in held(model, 0.25))
    assert not any(one.alert for one in held(model, 0.25, hours=12))  # as some five independent ones
    assert not any(one.alert for one in held(model, 0.6, windows=20))


def test_what_training_knows_of_chance_counts_where_it_is_more(model: Model) -> None:
    said = replace(model, manifest=replace(model.manifest, said={"calibration": 50.0, "label_rate": 0.9, "kl": 1e-6}))
    assert [(one.threshold, one.alert) for one in held(said, 0.25)] == [(-50.0, False), (-0.9, False)]
    watch, row = DriftWatch(), referenced().rows[0]
    out = [one for _ in range(WINDOW) for one in watch.on_row(said, row, 0.5, Place(START, "5m"))]
    assert [one.measure for one in out if one.alert] == ["kl"]


def test_a_change_of_losses_alerts_once_a_day() -> None:
    watch = DriftWatch()
    out = [one for hour in range(30) for one in watch.on_losses(["adwin"], 0.9, Place(START + hour * HOUR, "1m"))]
    assert [at for at, one in enumerate(out) if one.alert] == [0, 24]


def test_without_a_model_there_is_no_drift() -> None:
    records = [record for stream in market(20).values() for record in stream]
    assert drifts(Desk(EAGER).on_batch([standing(99), *records])) == []
