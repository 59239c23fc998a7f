"""Evidently's report of a window against training, with our figures beside its own."""

import json
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from flows.drift_report import drift_report
from flows.errors import FlowError
from models.costs import Costs
from models.dataset import Dataset, Manifest


def dataset(x: "np.ndarray[tuple[int, int], np.dtype[np.float64]]", **changes: object) -> Dataset:
    manifest = Manifest(
        version=1, ts_start=0, ts_end=1, instruments=["x:a/b"], strategies={"s": "1"}, schema_hash="", context_hash="",
        inputs=dict.fromkeys(("calm", "moved", "rare"), "ratio"), rows=len(x), labels=len(x), wins=1, vetoed=0,
        costs=Costs(), bars={}, holes=[], sources={}, rows_hash="",
    )  # fmt: skip
    return Dataset(replace(manifest, **changes), {}, x.astype(np.float32))


def test_what_moved_is_told_by_both(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    was, now = random.normal(size=(1_000, 3)), random.normal((0, 1, 0), size=(400, 3))
    now[5:, 2] = np.nan
    found = drift_report(dataset(was), dataset(now), tmp_path / "out")
    assert [one.feature for one in found] == ["moved", "calm"]  # too little is known of the third
    moved, calm = found
    assert moved.psi > 0.5
    assert moved.evidently_psi > 0.5
    assert moved.ks > 0.3
    assert abs(calm.psi) < 0.05
    assert calm.evidently_psi >= 0  # what chance adds stays in it
    assert "<html" in (tmp_path / "out/report.html").read_text().lower()
    assert json.loads((tmp_path / "out/report.json").read_text())["metrics"]
    assert [one["feature"] for one in json.loads((tmp_path / "out/measures.json").read_text())] == ["moved", "calm"]


def test_what_cannot_be_compared_is_one_line(tmp_path: Path) -> None:
    x = np.random.default_rng(2).normal(size=(30, 3))
    with pytest.raises(FlowError, match="different inputs"):
        drift_report(dataset(x), dataset(x, inputs={"a": "", "b": "", "c": ""}), tmp_path)
    with pytest.raises(FlowError, match="30 rows of training and 3 of now: no input is known in 20 of both"):
        drift_report(dataset(x), dataset(x[:3]), tmp_path)
