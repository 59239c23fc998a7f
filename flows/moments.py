"""Moments that people write."""

from flows.errors import FlowError
from schemas.time import from_text

__all__ = ["moment", "span"]


def moment(option: str, text: str) -> int:
    """``text`` in ISO 8601, UTC where it names no zone, as ns.

    Raises:
        FlowError: it is not a time; names ``option``.
    """
    try:
        return from_text(text)
    except ValueError as error:
        raise FlowError(f"{option} {text!r}: not a time, write it like 2024-08-09T00:00:00Z") from error


def span(since: str | None, until: str | None, ever: tuple[int, int] = (0, 2**63 - 1)) -> tuple[int, int]:
    """What ``--since`` and ``--until`` say, as ns; ``ever`` where they say nothing.

    Raises:
        FlowError: one is not a time, or the second is not after the first.
    """
    begin = ever[0] if since is None else moment("--since", since)
    end = ever[1] if until is None else moment("--until", until)
    if begin >= end:
        raise FlowError(f"--until {until}: it has to be after --since {since}")
    return begin, end
