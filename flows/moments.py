"""Moments that people write."""

from datetime import UTC, datetime

from flows.errors import FlowError
from schemas.time import MICROSECOND

__all__ = ["moment"]


def moment(option: str, text: str) -> int:
    """``text`` in ISO 8601, UTC where it names no zone, as ns.

    Raises:
        FlowError: it is not a time; names ``option``.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise FlowError(f"{option} {text!r}: not a time, write it like 2024-08-09T00:00:00Z") from error
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    delta = found - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 * 1_000_000 + delta.seconds * 1_000_000 + delta.microseconds) * MICROSECOND
