"""The recovery directory: whose it is, whether it can be written to, and whether it is whole."""

import fcntl
import json
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flows.errors import FlowError
from flows.recovery import disk_faults, recovery
from flows.runtime import init_db_dir
from flows.settings import Settings, StrategySettings
from flows.state.manifest import MANIFEST
from flows.state.snapshots import DATABASE
from tests.flows.directories import advance, begin, database_of, directory, edit


def _page(database: bytes) -> int:
    """How many bytes SQLite writes at once."""
    return int.from_bytes(database[16:18])


def refused(settings: Settings, reason: str, **options: Any) -> None:
    with pytest.raises(FlowError, match=reason) as caught:
        begin(settings, **options)
    assert "\n" not in str(caught.value)


def test_it_is_made_private_and_gone_on_with(settings: Settings) -> None:
    begin(settings)
    first = (directory(settings) / MANIFEST).read_bytes()
    begin(settings)
    assert (directory(settings) / MANIFEST).read_bytes() == first
    assert directory(settings).stat().st_mode & 0o777 == 0o700
    assert {path.name for path in directory(settings).iterdir()} == {"engine.lock", MANIFEST, DATABASE}
    assert json.loads(first)["log"]["partitions"] == 4
    assert _page((directory(settings) / DATABASE).read_bytes()) == 32_768


def test_a_crash_while_it_is_made_leaves_what_the_next_start_mends(settings: Settings) -> None:
    begin(settings)
    (directory(settings) / DATABASE).unlink()
    half = directory(settings) / f"{DATABASE}.new"
    half.mkdir()
    (half / DATABASE).write_bytes(b"half")
    (directory(settings) / f"{MANIFEST}.new").write_bytes(b"{")
    begin(settings)
    assert (directory(settings) / DATABASE).exists()


def test_a_second_engine_here_is_refused(settings: Settings) -> None:
    with recovery(settings):
        refused(settings, "is held by another running engine")


def test_who_only_looks_whether_it_is_free_keeps_no_engine_away(settings: Settings) -> None:
    begin(settings)
    with (directory(settings) / "engine.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        glance = threading.Timer(0.1, fcntl.flock, (lock, fcntl.LOCK_UN))
        glance.start()
        begin(settings)
        glance.join()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"flow": "store"}, "its flow is store, this one is candlewick"),
        ({"log": {"cluster": "other"}}, "its log is in Kafka cluster other, this one is mockCluster"),
        ({"log": {"topic_id": "abc"}}, r"topic market.events was deleted and made anew since \(id abc, now None\)"),
        ({"log": {"partitions": 3}}, "topic market.events has 4 partitions and had 3: instruments have moved"),
        ({"layout": 9, "program": "3.1"}, "layout 9, of Candlewick 3.1, is newer than 1"),
        ({"log": None}, "cannot be read: .*restore it from a backup"),
    ],
)
def test_the_directory_of_another_engine_is_refused(settings: Settings, change: dict[str, Any], reason: str) -> None:
    begin(settings)
    log = json.loads((directory(settings) / MANIFEST).read_text())["log"]
    edit(settings, **{name: log | part if isinstance(part, dict) else part for name, part in change.items()})
    refused(settings, reason)


def test_other_files_are_refused(settings: Settings) -> None:
    directory(settings).mkdir()
    (directory(settings) / "thesis.tex").touch()
    refused(settings, r"holds other files \(thesis.tex\)")


def test_the_state_of_another_flow_is_refused(settings: Settings) -> None:
    directory(settings).mkdir()
    init_db_dir(directory(settings), 1)
    advance(settings, 5, flow="theirs")
    refused(settings, "holds the state of flow theirs, not of candlewick")


def test_a_state_without_a_manifest_gets_one(settings: Settings) -> None:
    directory(settings).mkdir()
    init_db_dir(directory(settings), 1)
    advance(settings, 5)
    begin(settings)
    assert (directory(settings) / MANIFEST).exists()


def test_settings_that_change_results_are_accepted_on_request_only(settings: Settings) -> None:
    begin(settings)
    advance(settings, 0)
    other = settings.model_copy(update={"strategy": StrategySettings(threshold=0.6)})
    refused(other, "not those of its state: strategy.threshold was 0.45 and is 0.6; set them back")
    begin(other, accept_settings=True)
    begin(other)
    refused(settings, "strategy.threshold was 0.6 and is 0.45")
    begin(settings.model_copy(update={"strategy": StrategySettings(threshold=0.6), "risk": settings.risk}))


def test_a_state_is_not_made_anew_over_one_that_is_there(settings: Settings) -> None:
    begin(settings, rebuild_from="earliest")
    begin(settings, rebuild_from="2024-08-09T00:00:00Z")
    advance(settings, 5)
    refused(settings, "holds a state, and --rebuild-from makes one anew", rebuild_from="earliest")


@pytest.mark.parametrize(("text", "reason"), [("999999", r"market.events\[\d\] holds offsets"), ("noon", "not a time")])
def test_a_place_that_the_log_does_not_have_is_refused(settings: Settings, text: str, reason: str) -> None:
    refused(settings, reason, rebuild_from=text)
    assert not (directory(settings) / MANIFEST).exists()


def test_the_bridge_is_torn_down_once_the_log_is_read_beyond_it(settings: Settings) -> None:
    begin(settings, rebuild_from="earliest")
    edit(settings, bridge={"ends": dict.fromkeys("0123", 7), "past": {"whole": True}})
    advance(settings, 6)
    begin(settings)
    assert json.loads((directory(settings) / MANIFEST).read_text())["bridge"] is not None
    with database_of(settings) as database:
        database.execute("DELETE FROM exs")
        database.execute("DELETE FROM fronts")
        database.execute("DELETE FROM snaps")
    advance(settings, 7)
    begin(settings)
    assert json.loads((directory(settings) / MANIFEST).read_text())["bridge"] is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: _page(whole)] + b"\1" * _page(whole) + whole[2 * _page(whole) :],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"x" * len(whole),
        lambda _: b"",
    ],
)
def test_a_damaged_database_is_refused(settings: Settings, damage: Any) -> None:
    begin(settings)
    advance(settings, 5)
    file = directory(settings) / DATABASE
    file.write_bytes(damage(file.read_bytes()))
    refused(settings, "is damaged: .*restore a backup, or move the recovery directory away")


def test_a_damaged_state_is_refused(settings: Settings) -> None:
    begin(settings)
    advance(settings, 5)
    with database_of(settings) as database:
        ((state,),) = database.execute("SELECT ser_change FROM snaps WHERE state_key = '00000'").fetchall()
        database.execute("UPDATE snaps SET ser_change = ?", [state.replace(b"offset\x05", b"offset\x06")])
    refused(settings, "state of log, key 00000: its checksum is wrong")


def test_code_in_a_state_is_not_run(settings: Settings) -> None:
    begin(settings)
    advance(settings, 5)
    with database_of(settings) as database:
        database.execute("UPDATE snaps SET ser_change = ?", [b"cos\nsystem\n(S'touch ran'\ntR."])
    refused(settings, "it holds os.system, and only plain data is expected")


@contextmanager
def no_room(size: int) -> Iterator[None]:
    """No file can grow beyond ``size``."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_refused_before_anything_is_done(settings: Settings) -> None:
    with no_room(10_000):
        refused(settings, "cannot be written to: File too large")
    begin(settings)
    with no_room(10_000):
        refused(settings, "cannot be written to: File too large")
    begin(settings)


def test_a_place_where_no_directory_can_be_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "recovery").write_text("a file")
    refused(settings, f"{tmp_path}/recovery: File exists; name a directory that is ours")


def test_what_sqlite_says_of_the_disk_is_told(tmp_path: Path) -> None:
    panic = 'panicked: SqliteFailure(Error { code: DiskFull, extended_code: 13 }, Some("database or disk is full"))'
    told = "the state cannot be kept: database or disk is full; nothing is lost"
    with pytest.raises(FlowError, match=told), disk_faults(tmp_path):
        raise RuntimeError(panic)
    with pytest.raises(RuntimeError, match="else"), disk_faults(tmp_path):
        raise RuntimeError("something else")
