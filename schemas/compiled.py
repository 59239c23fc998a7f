"""Modules that are compiled in place (`deploy.native`), and whether they are of the sources that are here."""

import sys
import sysconfig
from hashlib import sha256
from pathlib import Path
from typing import Final

__all__ = ["OPTIONS", "SHARED", "binary", "current", "made_from", "stamp"]

OPTIONS: Final = ("-O2", "-fPIC", "-shared", "-ffp-contract=off", "-w")
"""The compiler's. No fused multiply-add: results have to equal Python's to the bit."""

SHARED: Final = Path(__file__).with_name("numbers.pxi")
"""What every source may include: reading the numbers of our JSON."""


def binary(source: Path) -> Path:
    """What a ``.pyx`` is built to."""
    return source.with_name(source.stem + str(sysconfig.get_config_var("EXT_SUFFIX")))


def stamp(source: Path) -> Path:
    """Where it is kept what `binary` was `made_from`."""
    return source.with_suffix(".made-from")


def made_from(source: Path) -> str:
    """A digest of all that is compiled, what is included too, of this Python and of the options."""
    text = b"".join(path.read_bytes() for path in (source, SHARED, *sorted(source.parent.glob("*.pxi"))))
    return sha256(text + repr((sys.version, OPTIONS)).encode()).hexdigest()


def current(source: Path) -> bool:
    """Whether it is built, and of these sources: new ones may have come without a new set-up."""
    return binary(source).exists() and stamp(source).exists() and stamp(source).read_text() == made_from(source)
