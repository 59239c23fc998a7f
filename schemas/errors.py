"""The root of every error that Candlewick raises on purpose, and the shape of its one-line messages."""

__all__ = ["CandlewickError", "gone", "place"]


class CandlewickError(Exception):
    """An error whose text is meant for a person: what is wrong, where, and what would be right.

    Every package derives its own root from this one, so `except CandlewickError` in the command line tells
    what a user can mend from a defect of ours.
    """


def place(topic: str, partition: int, offset: int) -> str:
    """How a position in a log is written everywhere: ``market.events[3]@1204``."""
    return f"{topic}[{partition}]@{offset}"


def gone(topic: str, partition: int, offset: int, low: int, high: int) -> str:
    """What is missing for a reader that goes on at ``offset``, where the topic holds ``low`` up to ``high``."""
    where = f"{topic}[{partition}]"
    if offset < low:
        return f"{where}: offsets {offset} to {low - 1} are gone, the topic now begins at {low}"
    return f"{where}: offset {offset} comes next, but the topic ends at {high}: it was cut off or made anew"
