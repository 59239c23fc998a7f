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
from hashlib import sha256
from pathlib import Path
from typing import Final

__all__ = ["build", "main"]

_ROOT: Final = Path(__file__).resolve().parents[1]
_SOURCES: Final = (_ROOT / "operators" / "native" / "_native.pyx", _ROOT / "sinks" / "native" / "_rows.pyx")
_OPTIONS: Final = ("-O2", "-fPIC", "-shared", "-ffp-contract=off", "-w")
"""No fused multiply-add: results have to equal Python's to the bit."""
_TIMEOUT_S: Final = 300
_TAIL: Final = 300  # characters of a compiler's complaint


def build(source: Path) -> str:
    """Build ``source`` beside itself; what was done, in words, or nothing if that had been done before."""
    built = source.with_name(source.stem + str(sysconfig.get_config_var("EXT_SUFFIX")))
    stamp = source.with_suffix(".made-from")
    made_from = sha256(_text(source) + repr((sys.version, _OPTIONS)).encode()).hexdigest()
    if built.exists() and stamp.exists() and stamp.read_text() == made_from:
        return ""
    built.unlink(missing_ok=True)  # who runs it keeps it; nobody may start with one of another source
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    headers = Path(sysconfig.get_path("include"))
    if compiler is None:
        return _without("there is no C compiler (Debian: gcc)")
    if not (headers / "Python.h").exists():
        return _without(f"Python's headers are not in {headers} (Debian: python3-dev)")
    with tempfile.TemporaryDirectory() as folder:
        code, binary = Path(folder, "native.c"), Path(folder, built.name)
        for command in (
            [sys.executable, "-m", "cython", "-3", str(source), "-o", str(code)],
            [compiler, *_OPTIONS, f"-I{headers}", str(code), "-o", str(binary)],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
            if done.returncode:
                return _without(f"{command[0]} says: {(done.stderr or done.stdout).strip()[-_TAIL:]}")
        shutil.copy(binary, built)
    stamp.write_text(made_from)
    return f"built {built.name}"


def _text(source: Path) -> bytes:
    """All that is compiled, what is included too."""
    return b"".join(path.read_bytes() for path in (source, *sorted(source.parent.glob("*.pxi"))))


def _without(reason: str) -> str:
    return f"Python does what could be compiled, which takes longer: {reason}"


def main() -> None:
    """Say what was done; a machine that cannot build it is no error."""
    for said in dict.fromkeys(map(build, _SOURCES)):
        if said:
            sys.stdout.write(f"{said}\n")


if __name__ == "__main__":
    main()
