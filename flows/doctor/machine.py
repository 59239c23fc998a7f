"""What the engine needs of this machine: room, its recovery directory, a port for the API."""

import errno
import fcntl
import http.client
import json
import os
import shutil
import ssl
import stat
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import operators
from flows.doctor.finding import Finding
from flows.ports import listening_trouble
from schemas.compiled import binary, current

__all__ = ["check_disk", "check_native", "check_port", "check_recovery"]

_GIB: Final = 1 << 30
_PATIENCE_S: Final = 2.0
_LISTED: Final = 64 << 10  # bytes of an answer that are looked at


def check_disk(directory: Path) -> Finding:
    """Room where ``directory`` is, or will be made."""
    existing = next(path for path in (directory.absolute(), *directory.absolute().parents) if path.exists())
    try:
        usage = shutil.disk_usage(existing)
    except OSError as error:
        return Finding("disk", "bad", f"{existing}: {error.strerror}", "set engine.recovery_dir to a directory of ours")
    found = f"{usage.free / _GIB:.1f} GiB of {usage.total / _GIB:.1f} free at {existing}"
    if usage.free < _GIB // 2:
        return Finding("disk", "bad", found, "make room: without it the engine cannot keep its recovery state")
    if usage.free < 5 * _GIB:
        return Finding("disk", "warn", found, "make room soon")
    return Finding("disk", "ok", found)


def check_native(*, wanted: bool) -> Finding:
    """Whether the engine's event path runs compiled."""
    if not wanted:
        return Finding("event path", "ok", "in Python, as engine.native is off")
    source = Path(operators.__path__[0], "native", "_native.pyx")  # to import it would bring all operators
    if not current(source):
        found = "in Python, as what is compiled is of other sources" if binary(source).exists() else "in Python"
        return Finding("event path", "warn", found, "with a C compiler and `make setup` it takes a third")
    return Finding("event path", "ok", "compiled")


def check_recovery(directory: Path) -> Finding:
    """Whether the engine could keep its recovery state in ``directory``, and whether one does."""
    check = "recovery directory"
    elsewhere = "set engine.recovery_dir to a directory of ours"
    try:
        found = directory.stat()
    except FileNotFoundError:
        return Finding(check, "ok", f"{directory} will be made at the first start")
    except OSError as error:
        return Finding(check, "bad", f"{directory}: {error.strerror}", elsewhere)
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISDIR(found.st_mode):
        return Finding(check, "bad", f"{directory} is no directory", elsewhere)
    if found.st_uid != os.geteuid() or not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        said = f"{directory} belongs to user {found.st_uid} with mode {mode:04o}, we are user {os.geteuid()}"
        return Finding(check, "bad", said, f"chown it, or {elsewhere}")
    if mode != stat.S_IRWXU:
        return Finding(
            check, "bad" if mode & 0o022 else "warn", f"{directory} has mode {mode:04o}, but what is in it is trusted",
            f"chmod 700 {directory}",
        )  # fmt: skip
    return Finding(check, "ok", f"{directory}, held by a running engine" if _held(directory) else f"{directory}, free")


def _held(directory: Path) -> bool:
    try:
        handle = os.open(directory / "engine.lock", os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def check_port(host: str, port: int, certificate: Path | None = None) -> Finding:
    """Whether the API has its port, or could have it; with ``certificate`` it answers by HTTPS."""
    check, place = "port of the API", f"{host}:{port}"
    trouble = listening_trouble(host, port)
    if trouble is None:
        return Finding(check, "ok", f"{place} is free: the API is not running", "candlewick api")
    if trouble.errno != errno.EADDRINUSE:
        return Finding(check, "bad", f"{place}: {trouble.strerror}", "set api.host and api.port to what is ours")
    version = _candlewick_at("127.0.0.1" if host in ("0.0.0.0", "::", "") else host, port, certificate)  # noqa: S104, compared with, not bound
    if version is None:
        return Finding(check, "bad", f"{place} is taken by another program", "stop that one, or set api.port")
    return Finding(check, "ok", f"{place} is served by Candlewick {version}")


def _candlewick_at(host: str, port: int, certificate: Path | None) -> str | None:
    """The version of the API that answers there; ``None`` if it is something else."""
    connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE_S)
    if certificate is not None:
        with suppress(OSError):
            trust = ssl.create_default_context(cafile=certificate)
            trust.check_hostname = False  # it may be made for another name than the address that we ask at
            trust.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            connection = http.client.HTTPSConnection(host, port, timeout=_PATIENCE_S, context=trust)
    with closing(connection), suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
        connection.request("GET", "/health")
        body = json.loads(connection.getresponse().read(_LISTED))
        if body.get("status") == "up":
            return str(body["version"])
    return None
