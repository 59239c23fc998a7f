"""How far one part of a source may run ahead of the others, so that who waits for all of them need not keep much."""

__all__ = ["Pace"]


class Pace:
    """Where each of several parts is in time, and who has to wait.

    A part waits while it is more than ``max_ahead`` past the slowest other part that has something left to read. The
    slowest part never waits and a part at its end is never waited for, so there is always one that may go on.

    Parameters:
        max_ahead: in the unit of the times given to `moved` (the log's source: ms of the broker's time stamps).

    >>> pace = Pace(max_ahead=100)
    >>> pace.enter("a"); pace.enter("b")
    >>> pace.moved("a", 1_000); pace.must_wait("a"), pace.must_wait("b")
    (True, False)
    >>> pace.at_end("b"); pace.must_wait("a")
    False
    """

    def __init__(self, max_ahead: float) -> None:
        if not max_ahead > 0:
            raise ValueError(f"max_ahead must be above 0, got {max_ahead}")
        self._max_ahead = max_ahead
        self._at: dict[str, float] = {}
        self._ended: set[str] = set()

    def enter(self, part: str) -> None:
        """``part`` begins, before all others until it has moved."""
        self._at[part] = float("-inf")

    def leave(self, part: str) -> None:
        """``part`` will not read any more."""
        self._at.pop(part, None)
        self._ended.discard(part)

    def moved(self, part: str, time: float) -> None:
        """``part`` has read up to ``time``, and may have more."""
        self._at[part] = time
        self._ended.discard(part)

    def at_end(self, part: str) -> None:
        """``part`` has read all there is for now."""
        self._ended.add(part)

    def must_wait(self, part: str) -> bool:
        """Whether ``part`` may not read on for now."""
        bound = self._at[part] - self._max_ahead
        # A copy: parts of other worker threads may enter and leave meanwhile.
        return any(
            time < bound and other != part and other not in self._ended for other, time in list(self._at.items())
        )
