"""Throw-away servers of PostgreSQL 17 with TimescaleDB (Apache edition), for tests to mistreat.

They come from Debian trixie's own packages, unpacked into a private folder: nothing is installed, and the host's Debian
release and libc do not matter, as the programs run under their own dynamic loader. The mirror is the one the host's apt
is set up with.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psycopg

__all__ = ["MissingError", "TimescaleServer", "fetch"]

_RELEASE: Final = "trixie"
_PACKAGES: Final = ("postgresql-17", "postgresql-17-timescaledb")
_KEYRINGS: Final = [Path(f"/usr/share/keyrings/debian-archive-keyring.{end}") for end in ("pgp", "gpg")]
_WANTED: Final = re.compile(r"lib|zlib1g|postgresql-17")
_UNWANTED: Final = re.compile(  # never loaded by the server (JIT, perl, PAM modules)
    r"libllvm|libz3|perl|libc-(bin|l10n)|libse(manage|pol)|libproc2|libdb5|libgdbm|"
    r"sasl2-modules|pam-modules|.*-common$|libbsd|libmd0|libedit|libreadline|libncurses"
)
_RUN_AS: Final = 65534  # "nobody": PostgreSQL refuses to run as root
_CACHE: Final = Path(f"/var/tmp/candlewick-timescale-{os.geteuid()}")  # noqa: S108, its owner is checked
_LIBRARIES: Final = "usr/lib/x86_64-linux-gnu"
_SERVER: Final = "usr/lib/postgresql/17"


class MissingError(Exception):
    """This machine cannot run TimescaleDB; the text says what it lacks."""


def fetch(cache: Path = _CACHE) -> Path:
    """The folder of the unpacked packages, filled once; an interrupted or parallel fill does no harm.

    Raises:
        MissingError: a program is not installed, the host is no Debian on x86-64, or apt could not get the packages.
    """
    missing = [name for name in ("apt-get", "dpkg", "setpriv") if shutil.which(name) is None]
    if missing or os.uname().machine != "x86_64":
        raise MissingError(f"{' and '.join(missing)} not on PATH" if missing else "this is not x86-64")
    cache.mkdir(mode=0o755, parents=True, exist_ok=True)
    if cache.stat().st_uid != os.geteuid():
        raise MissingError(f"{cache} belongs to someone else")
    final = cache / f"{_RELEASE}-pg17"
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not final.exists():
            building = cache / f"{final.name}.new"
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir(mode=0o755)
            _unpack(building)
            _wrap(building, final)
            building.rename(final)
    return final


class TimescaleServer:
    """One server on a private unix socket over its own data folder, which `close` removes."""

    def __init__(self, packages: Path, **settings: str) -> None:
        self._programs = packages / _SERVER / "bin"
        self._folder = tempfile.TemporaryDirectory(prefix="ts-", ignore_cleanup_errors=True)
        self._home = Path(self._folder.name)
        self._data, self._log = self._home / "data", self._home / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = {
            "listen_addresses": "", "unix_socket_directories": str(self._home), "max_connections": "50",
            "fsync": "off",  # crash() is still safe: only a crash of the machine could lose data
            "shared_preload_libraries": "timescaledb", "timescaledb.telemetry_level": "off", **settings,
        }  # fmt: skip
        self.dsn = f"host={self._home} user=postgres dbname=postgres"
        # It stops when this process dies, even by SIGKILL.
        self._user = ["setpriv", "--pdeathsig=INT"]
        if os.geteuid() == 0:
            os.chown(self._home, _RUN_AS, _RUN_AS)
            self._user += [f"--reuid={_RUN_AS}", f"--regid={_RUN_AS}", "--clear-groups"]
        _run(
            *self._user, self._programs / "initdb", "-D", self._data, "-U", "postgres", "--auth=trust", "--no-sync",
            "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", cwd=self._home,
        )  # fmt: skip

    def start(self, timeout_s: float = 60.0) -> None:
        """Start, and wait until it answers."""
        flags = [word for key, value in self._settings.items() for word in ("-c", f"{key}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._user, str(self._programs / "postgres"), "-D", str(self._data), *flags],
                cwd=self._home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                psycopg.connect(self.dsn).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"TimescaleDB is not ready; its log ends:\n{self._tail()}") from None
                time.sleep(0.02)
            else:
                return

    @property
    def pid(self) -> int:
        """Of the process that the others are children of."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """Disconnect clients, write a checkpoint, end."""
        self._signal(signal.SIGINT)

    def crash(self) -> None:
        """End at once without a checkpoint: the next start recovers from the write-ahead log."""
        self._signal(signal.SIGQUIT)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Stopped for a while."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def close(self) -> None:
        """Stop, and remove the data."""
        self.stop()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(60)

    def _tail(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]


def _unpack(root: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="apt-", dir=root.parent) as work_name:
        work = Path(work_name)
        for folder in ("lists/partial", "cache/archives/partial", "parts", "debs"):
            (work / folder).mkdir(parents=True)
        (work / "status").touch()  # an empty system: the resolver lists all that is needed
        (work / "sources.list").write_text(_sources())
        options = {
            "Dir::Etc::sourcelist": work / "sources.list", "Dir::Etc::sourceparts": work / "parts",
            "Dir::Etc::preferences": "/dev/null", "Dir::Etc::preferencesparts": work / "parts",
            "Dir::State::lists": work / "lists", "Dir::State::status": work / "status",
            "Dir::Cache": work / "cache", "APT::Sandbox::User": "", "Debug::NoLocking": "1",
            "Acquire::Languages": "none", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        }  # fmt: skip
        apt = ["apt-get", "-q", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
        _run(*apt, "update", "--error-on=any")
        plan = _run(*apt, "install", "--no-install-recommends", "--print-uris", "-y", *_PACKAGES)
        names = re.findall(r"^'\S+' ([^_\s]+)_", plan, re.MULTILINE)
        wanted = [name for name in names if _WANTED.match(name) and not _UNWANTED.search(name)]
        _run(*apt, "download", *wanted, cwd=work / "debs")  # hashes are checked against the signed index
        for package in (work / "debs").iterdir():
            _run("dpkg", "-x", package, root)


def _sources() -> str:
    """apt's sources for the release, on the mirrors that the host uses."""
    plan = _run("apt-get", "update", "--print-uris")  # fetches nothing
    mirrors = {suite: uri for uri, suite in re.findall(r"^'(\S+?)/dists/(\S+?)/InRelease'", plan, re.MULTILINE)}
    main = next((uri for suite, uri in mirrors.items() if re.fullmatch(r"[a-z]+", suite)), None)
    security = next((uri for suite, uri in mirrors.items() if suite.endswith("-security")), None)
    key = next((path for path in _KEYRINGS if path.exists()), None)
    if main is None or key is None:
        raise MissingError("it has no Debian apt source, or no debian-archive-keyring")
    lines = [f"deb [signed-by={key}] {main} {_RELEASE} main"]
    if security:
        lines.append(f"deb [signed-by={key}] {security} {_RELEASE}-security main")
    return "\n".join(lines) + "\n"


def _wrap(root: Path, final: Path) -> None:
    """Lets the programs run under the loader and libraries that they came with."""
    for unused in ("usr/share/doc", "usr/share/locale", "usr/share/man", f"{_SERVER}/lib/bitcode"):
        shutil.rmtree(root / unused, ignore_errors=True)
    (root / _SERVER / "lib/llvmjit.so").unlink()  # without libLLVM it must not be found
    libraries = final / _LIBRARIES
    for name in ("postgres", "initdb", "pg_ctl"):
        program = root / _SERVER / "bin" / name
        program.rename(program.with_suffix(".real"))
        here = final / _SERVER / "bin" / name
        program.write_text(
            "#!/bin/sh\nunset LD_PRELOAD LD_LIBRARY_PATH\n"
            f"exec '{libraries}/ld-linux-x86-64.so.2' --inhibit-cache --library-path '{libraries}' "
            f"--argv0 '{here}' '{here}.real' \"$@\"\n"
        )
        program.chmod(0o755)


def _run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, text=True, capture_output=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit status {done.returncode}"]
        raise MissingError(f"{command[0]} failed: {lines[-1]}")
    return done.stdout
