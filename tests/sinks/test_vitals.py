"""Vitals on disk, and those of several workers as one."""

from pathlib import Path

import msgspec
import pytest

from schemas.vitals import DriftVitals, EngineVitals, KeyVitals, SinkVitals
from sinks.vitals import inherited, read_vitals, together, write_vitals
from tests.vitals_samples import NOW, engine, key, vitals


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = [engine({"sim:A": key()}), vitals("store")]
    for one in written:
        write_vitals(tmp_path / "made", one)
    assert read_vitals(tmp_path / "made") == written
    assert read_vitals(tmp_path / "made", ["store"]) == written[1:]
    assert read_vitals(tmp_path / "nowhere") == []
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "made").iterdir()} == {0o600}


def test_an_earlier_start_another_boot_and_what_is_no_vitals_are_left_out(tmp_path: Path) -> None:
    for worker in range(3):
        write_vitals(tmp_path, vitals(worker=worker, workers=3, group=1, clock=NOW))
    for worker in range(2):
        write_vitals(tmp_path, vitals(worker=worker, workers=2, group=2, clock=NOW + 1))
    write_vitals(tmp_path, msgspec.structs.replace(vitals("api"), boot="another"))
    (tmp_path / "store-0.json").write_bytes(b'{"stage":"sto')
    (tmp_path / "ingest-0.json").write_bytes(b'{"stage":"nobody"}')
    assert [(one.stage, one.worker, one.group) for one in read_vitals(tmp_path)] == [("engine", 0, 2), ("engine", 1, 2)]


def test_a_directory_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        write_vitals(tmp_path / "file" / "vitals", vitals())


def test_workers_together_know_what_each_of_them_does() -> None:
    early, late = (KeyVitals(partition=1, ts=ms, seen=ms) for ms in (5, 6))
    one = EngineVitals(
        keys={"sim:A": late, "sim:B": early}, told={"sim:A": 60}, newest=60, newest_at=1, epoch_ms=3.0,
        sinks={"features": SinkVitals(writes=1, seconds=0.5, last_ms=500.0)}, stale={"sim:A"},
        drift={"majors": DriftVitals(seen=9, ts_close=60)},
    )  # fmt: skip
    other = EngineVitals(
        keys={"sim:A": early}, told={"sim:B": 120}, newest=120, newest_at=2, members={"sim:B": 7}, members_to=60,
        sinks={"features": SinkVitals(writes=2, seconds=0.25, last_ms=20.0)}, unready={"sim:B": "why"},
        drift={"majors": DriftVitals(seen=8, ts_close=55)},
    )  # fmt: skip
    for both in ([one, other], [other, one]):
        known = together(both)
        assert known.keys == {"sim:A": late, "sim:B": early}
        assert (known.told, known.newest, known.newest_at) == ({"sim:A": 60, "sim:B": 120}, 120, 2)
        assert (known.members, known.members_to) == ({"sim:B": 7}, 60)
        assert (known.stale, known.unready, known.epoch_ms) == ({"sim:A"}, {"sim:B": "why"}, 3.0)
        assert known.sinks == {"features": SinkVitals(writes=3, seconds=0.75, last_ms=500.0)}
        assert known.drift == {"majors": DriftVitals(seen=9, ts_close=60)}
    assert together([]) == EngineVitals()


def test_a_worker_inherits_all_that_the_engine_before_knew_whoever_starts_first(tmp_path: Path) -> None:
    for worker, name in enumerate(("sim:A", "sim:B")):
        write_vitals(tmp_path, vitals(worker=worker, workers=2, group=2, engine=EngineVitals(keys={name: key()})))
    write_vitals(tmp_path, vitals(worker=2, workers=3, group=1, clock=NOW - 1, engine=EngineVitals(stale={"sim:A"})))
    first = inherited(tmp_path, 3)
    assert {*first.keys} == {"sim:A", "sim:B"}
    assert not first.stale
    write_vitals(tmp_path, vitals(worker=1, workers=2, group=3, clock=NOW + 1, engine=first))
    assert inherited(tmp_path, 3) == first
    assert inherited(tmp_path / "nowhere", 3) == EngineVitals()
