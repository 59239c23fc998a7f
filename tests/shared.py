"""What is made once a run, whichever of its processes needs it first."""

import fcntl
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import pytest

__all__ = ["shared"]

_Made = TypeVar("_Made")


def shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], _Made]) -> _Made:
    """The result of ``make``, given an empty folder that stays until the end of the run; of this run alone."""
    base = factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / f"shared-{name}"  # of all of xdist's processes
    folder.mkdir(exist_ok=True)
    result, unfinished = folder / "result", folder / "unfinished"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not result.exists():
            (folder / "made").mkdir(exist_ok=True)
            unfinished.write_bytes(pickle.dumps(make(folder / "made")))
            unfinished.rename(result)
        return cast("_Made", pickle.loads(result.read_bytes()))  # noqa: S301, our own
