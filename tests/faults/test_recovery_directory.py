"""The recovery directory is torn, full, read-only, of something else, or in use: a clear refusal or a clean end."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from tests.faults.conftest import Markets
from tests.faults.stand import Stand
from tests.faults.table import Finding
from tests.integration.kafka_broker import KafkaBroker

pytestmark = [pytest.mark.integration, pytest.mark.fault("recovery directory")]

_SECONDS: Final = 600
_SLOW: Final = {"CANDLEWICK_ENGINE__BATCH_SIZE": "100"}
_DATABASE: Final = "part-0.sqlite3"


def test_a_frozen_engine_wakes_up_when_another_host_has_taken_over(
    market: Markets, brokers: Callable[[], KafkaBroker], tmp_path: Path, finding: Finding
) -> None:
    """The other one has a directory of its own; what the first had in hand is neither lost nor written twice."""
    finding.injected("an engine frozen, a second one on another host, the first woken up; 12 partitions")
    with Stand(brokers(), tmp_path, market(_SECONDS), partitions=12, settings=_SLOW) as stand:
        stand.feed().end()
        stand.start_engine()
        stand.wait(stand.market.results // 3)
        stand.engine.send(signal.SIGSTOP)
        elsewhere = {"CANDLEWICK_ENGINE__RECOVERY_DIR": str(tmp_path / "elsewhere")}
        stand.pipeline.run("run", "--until-end", **elsewhere)
        stand.engine.send(signal.SIGCONT)
        status = stand.engine.wait()
        verdict = stand.verdict()
    finding.found(**verdict._asdict(), exit_status=status)
    assert status == 2, stand.engine.words()
    assert "another engine" in stand.engine.words()
    assert verdict.good


@pytest.mark.full
def test_what_is_refused(market: Markets, brokers: Callable[[], KafkaBroker], tmp_path: Path, finding: Finding) -> None:
    """In one line each, with the state as it was; put right, the engine goes on as if nothing had been."""
    finding.injected("a second instance here; torn database, flipped byte, other flow, read-only")
    with Stand(brokers(), tmp_path, market(_SECONDS), settings=_SLOW) as stand:
        recovery, good = tmp_path / "recovery", tmp_path / "good"
        stand.feed().end()
        stand.start_engine()
        stand.wait(stand.market.results // 3)
        said = [refusal(stand, "is held by another running engine")]
        stand.engine.kill()
        shutil.copytree(recovery, good)
        for damage, reason in (
            (torn, "is damaged"), (flipped, "checksum is wrong"), (of_another_flow, "is not of this engine"),
        ):  # fmt: skip
            damage(recovery)
            said.append(refusal(stand, reason))
            shutil.rmtree(recovery)
            shutil.copytree(good, recovery)
        if os.geteuid() == 0:
            with mounted("--bind", recovery, recovery):
                subprocess.run(["mount", "-o", "remount,ro,bind", recovery], check=True)
                said.append(refusal(stand, "ead-only file system"))
        stand.finish()
        verdict = stand.verdict()
    finding.found(**verdict._asdict(), refused=len(said), exit_status=2)
    assert verdict.good


@pytest.mark.full
def test_a_full_disk_and_a_torn_write(
    market: Markets, brokers: Callable[[], KafkaBroker], tmp_path: Path, finding: Finding
) -> None:
    """The engine ends by itself when its state cannot be kept, and what a crash tore off is an earlier state."""
    finding.injected("the disk of the directory full (a small tmpfs); the end of SQLite's log torn off after a kill -9")
    if os.geteuid() != 0:
        pytest.skip("a full disk: not tried, because only root may mount one")
    recovery = tmp_path / "recovery"
    recovery.mkdir()
    with (
        mounted("-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs", recovery),
        Stand(brokers(), tmp_path, market(_SECONDS), settings=_SLOW) as stand,
    ):
        stand.feed().end()
        stand.start_engine()
        stand.wait(stand.market.results // 3)
        filling = recovery / "candlewick.filling"
        fill(filling)
        status = stand.engine.wait()
        assert "the state cannot be kept" in stand.engine.words()
        filling.unlink()
        stand.start_engine()
        stand.ready_s()
        stand.engine.kill()
        wal = recovery / f"{_DATABASE}-wal"
        os.truncate(wal, int(0.7 * wal.stat().st_size))
        stand.finish()
        verdict = stand.verdict()
    finding.found(**verdict._asdict(), exit_status=status)
    assert status != 0
    assert verdict.good


def refusal(stand: Stand, reason: str) -> str:
    """What a start says that must be refused, in one line."""
    said = stand.pipeline.fail("run", "--until-end", status=2)
    assert reason in said
    assert "Traceback" not in said
    return said


def fill(path: Path) -> None:
    """Until nothing more fits on the disk."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4_096)):
            pass


def torn(recovery: Path) -> None:
    """Only the first half of the database was ever written."""
    (recovery / f"{_DATABASE}-wal").unlink(missing_ok=True)
    os.truncate(recovery / _DATABASE, (recovery / _DATABASE).stat().st_size // 2)


def flipped(recovery: Path) -> None:
    """A bit that changed on the disk, in every state of an instrument, so that it is also in one that counts."""
    with closing(sqlite3.connect(recovery / _DATABASE)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    found = (recovery / _DATABASE).read_bytes()
    (recovery / _DATABASE).write_bytes(found.replace(b"quoting", b"quotinf"))


def of_another_flow(recovery: Path) -> None:
    """A directory that was mistaken for ours."""
    path = recovery / "candlewick.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "flow": "other"}))


@contextmanager
def mounted(*words: str | Path) -> Iterator[None]:
    """A file system, the last word its place."""
    subprocess.run(["mount", *words], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", words[-1]], check=True)
