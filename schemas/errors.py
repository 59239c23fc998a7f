"""The root of every error that Candlewick raises on purpose, and the shape of its one-line messages."""

__all__ = ["AwayError", "CandlewickError", "gone", "place"]


class CandlewickError(Exception):
    """An error whose text is meant for a person: what is wrong, where, and what would be right.

    Every package derives its own root from this one, so `except CandlewickError` in the command line tells
    what a user can mend from a defect of ours.
    """

    exit_status: int = 2
    """Of the command; a supervisor does not start such a one again."""


class AwayError(CandlewickError):
    """Something that is needed does not answer now, and may do so later: worth another try."""

    exit_status = 75  # EX_TEMPFAIL of sysexits.h


def place(topic: str, partition: int, offset: int) -> str:
    """How a position in a log is written everywhere: ``market.events[3]@1204``."""
    return f"{topic}[{partition}]@{offset}"


def gone(topic: str, partition: int, offset: int, low: int, high: int) -> str:
    """What is missing for a reader that goes on at ``offset``, where the topic holds ``low`` up to ``high``."""
    where = f"{topic}[{partition}]"
    if offset < low:
        return f"{where}: offsets {offset} to {low - 1} are gone, the topic now begins at {low}"
    return f"{where}: offset {offset} comes next, but the topic ends at {high}: it was cut off or made anew"
