"""The root of every error that Candlewick raises on purpose, and the shape of its one-line messages."""

__all__ = ["CandlewickError", "place"]


class CandlewickError(Exception):
    """An error whose text is meant for a person: what is wrong, where, and what would be right.

    Every package derives its own root from this one, so `except CandlewickError` in the command line tells
    what a user can mend from a defect of ours.
    """


def place(topic: str, partition: int, offset: int) -> str:
    """How a position in a log is written everywhere: ``market.events[3]@1204``."""
    return f"{topic}[{partition}]@{offset}"
