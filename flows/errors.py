"""The root of this package's errors."""

import sys
from collections.abc import Callable

from schemas.errors import AwayError, CandlewickError

__all__ = ["DiskFullError", "FlowError", "status_of", "told"]


class FlowError(CandlewickError):
    """A flow that cannot begin or go on; the text says what is in the way."""


class DiskFullError(FlowError, AwayError):
    """The recovery state does not fit on the disk; it may when somebody has made room."""


def told(error: BaseException) -> CandlewickError | None:
    """Our own error inside ``error``: Bytewax wraps what a step or connector raises."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, CandlewickError):
        seen = seen.__cause__ or seen.__context__
    return seen


def status_of(work: Callable[[], None], name: str) -> int:
    """Exit status of a process that does ``work``: 0, or our own error's after one line that begins with ``name``."""
    try:
        work()
    except Exception as error:
        ours = told(error)
        if ours is None:
            raise
        print(f"{name}: {ours}", file=sys.stderr)  # noqa: T201, what a process says in the end
        return ours.exit_status
    return 0
