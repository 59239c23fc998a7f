"""Moments that people write."""

from flows.errors import FlowError
from schemas.time import from_text

__all__ = ["moment"]


def moment(option: str, text: str) -> int:
    """``text`` in ISO 8601, UTC where it names no zone, as ns.

    Raises:
        FlowError: it is not a time; names ``option``.
    """
    try:
        return from_text(text)
    except ValueError as error:
        raise FlowError(f"{option} {text!r}: not a time, write it like 2024-08-09T00:00:00Z") from error
