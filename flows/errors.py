"""The root of this package's errors."""

from schemas.errors import AwayError, CandlewickError

__all__ = ["DiskFullError", "FlowError", "told"]


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
