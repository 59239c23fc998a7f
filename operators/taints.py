"""How long a loss in an input taints which feature."""

from bisect import bisect_left
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final, get_args

from operators.feature import SESSIONS, Input, Span, span_on
from operators.features import CATALOGUE
from schemas.time import DAY, HOUR, TIMEFRAME_NS, Timeframe, floor_to

__all__ = ["Taints"]


class Taints:
    """Until when each input was last lost, and why."""

    __slots__ = ("lost",)

    def __init__(self) -> None:
        self.lost: dict[Input, tuple[int, str]] = {}
        """By input."""

    def mark(self, source: Input, until: int, reason: str) -> None:
        """Something of ``source`` is missing up to event time ``until`` (ns)."""
        known = self.lost.get(source)
        if known is None or until >= known[0]:
            self.lost[source] = (until, reason)

    def of(self, timeframe: Timeframe, ts_close: int) -> dict[str, str]:
        """The features tainted at this close, in the catalogue's order, and why."""
        lost = self.lost
        if not lost:
            return {}
        reached, reasons = [], []
        for source in _FEATURES:
            if source in lost:
                until, reason = lost[source]
                horizons, groups = _memories(source, timeframe, ts_close)
                reached.append(groups[bisect_left(horizons, until)])
                reasons.append(reason)
            else:
                reached.append(0)
                reasons.append("")
        tainted, by = _tainted(*reached)
        if len(by) == 1:
            return dict.fromkeys(tainted, reasons[by[0]])
        return {name: reasons[place] for name, place in tainted.items()}

    def state(self) -> dict[str, Any]:
        """Plain data for recovery."""
        return {source: list(lost) for source, lost in self.lost.items()}

    def restore(self, state: dict[Any, Any]) -> None:
        """Take up ``state`` again."""
        self.lost = {source: (until, reason) for source, (until, reason) in state.items()}


def _horizon(span: Span, timeframe: Timeframe, ts_close: int) -> int:
    memory = span_on(span, timeframe)
    if memory == "two hours":
        return floor_to(ts_close - TIMEFRAME_NS[timeframe], HOUR) - HOUR
    if isinstance(memory, str):
        today = (ts_close - 1) // DAY * DAY
        before = TIMEFRAME_NS[timeframe] if memory.endswith("a bar") else 0
        return today - (SESSIONS[memory] - 1) * DAY - before
    return ts_close - memory * TIMEFRAME_NS[timeframe]


@lru_cache(maxsize=4_000)
def _memories(source: Input, timeframe: Timeframe, ts_close: int) -> tuple[list[int], list[int]]:
    """How far each memory of ``source`` reaches back at a close (ns), in order, and which are the first of them: none,
    one, and so on up to all, each as a bit. The same for all instruments that close then."""
    known = sorted(
        (_horizon(memory, timeframe, ts_close), 1 << number) for number, memory in enumerate(_FEATURES[source])
    )
    return [horizon for horizon, _ in known], [0, *accumulate(bit for _, bit in known)]


@lru_cache(maxsize=1_000)
def _tainted(*reached: int) -> tuple[dict[str, int], tuple[int, ...]]:
    """Features in the catalogue's order with the number of the last input that taints them, and these numbers.

    ``reached``: which memories of each input a loss of it lies in.
    """
    by: dict[int, int] = {}
    for number, (bits, by_memory) in enumerate(zip(reached, _FEATURES.values(), strict=True)):
        for bit, places in enumerate(by_memory.values()):
            if bits >> bit & 1:
                by.update(dict.fromkeys(places, number))
    return {CATALOGUE[place].name: by[place] for place in sorted(by)}, tuple(sorted(set(by.values())))


def _by_input() -> dict[Input, dict[Span, list[int]]]:
    """Places in the catalogue by what is read and how long it is remembered: many features have one memory."""
    found: dict[Input, dict[Span, list[int]]] = {source: {} for source in get_args(Input)}
    for place, feature in enumerate(CATALOGUE):
        for source in feature.inputs:
            found[source].setdefault(feature.memory, []).append(place)
    return found


_FEATURES: Final = _by_input()
