"""The check that every indicator's period goes through."""

from operators.errors import OperatorError

__all__ = ["checked_period"]


def checked_period(owner: str, period: int, least: int = 1) -> int:
    """``period`` if it can be worked with.

    Raises:
        OperatorError: below ``least``; names the indicator and the value.
    """
    if period < least:
        raise OperatorError(f"{owner}: period is {period}, it must be at least {least}")
    return period
