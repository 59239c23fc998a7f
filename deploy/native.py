"""Builds what is compiled in place, the event path and the store's rows: ``python -m deploy.native``.

Needs a C compiler and Python's headers, and Cython, which the lock file has. Without a compiler nothing is built, which
is said in one line: results are the same without, and take longer. A second call does nothing, as the
file built says which source, Python and compiler options it was made from.
"""

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Final

from schemas.compiled import OPTIONS, SHARED, binary, current, made_from, stamp

__all__ = ["build", "main"]

_ROOT: Final = Path(__file__).resolve().parents[1]
_SOURCES: Final = (_ROOT / "operators" / "native" / "_native.pyx", _ROOT / "sinks" / "native" / "_rows.pyx")
_TIMEOUT_S: Final = 300
_TAIL: Final = 300  # characters of a compiler's complaint


def build(source: Path) -> str:
    """Build ``source`` beside itself; what was done, in words, or nothing if that had been done before."""
    if current(source):
        return ""
    built, made = binary(source), made_from(source)
    built.unlink(missing_ok=True)  # who runs it keeps it; nobody may start with one of another source
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    headers = Path(sysconfig.get_path("include"))
    if compiler is None:
        return _without("there is no C compiler (Debian: gcc)")
    if not (headers / "Python.h").exists():
        return _without(f"Python's headers are not in {headers} (Debian: python3-dev)")
    with tempfile.TemporaryDirectory() as folder:
        code, fresh = Path(folder, "native.c"), Path(folder, built.name)
        for command in (
            [sys.executable, "-m", "cython", "-3", f"-I{SHARED.parent}", str(source), "-o", str(code)],
            [compiler, *OPTIONS, f"-I{headers}", str(code), "-o", str(fresh)],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
            if done.returncode:
                return _without(f"{command[0]} says: {(done.stderr or done.stdout).strip()[-_TAIL:]}")
        shutil.copy(fresh, built)
    stamp(source).write_text(made)
    return f"built {built.name}"


def _without(reason: str) -> str:
    return f"Python does what could be compiled, which takes longer: {reason}"


def main() -> None:
    """Say what was done; a machine that cannot build it is no error."""
    for said in dict.fromkeys(map(build, _SOURCES)):
        if said:
            sys.stdout.write(f"{said}\n")


if __name__ == "__main__":
    main()
