"""How long a loss in an input taints which feature."""

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
        horizons: dict[Span, int] = {}
        tainted: dict[int, str] = {}
        for source, by_memory in _FEATURES.items():
            if source not in self.lost:
                continue
            until, reason = self.lost[source]
            for memory, places in by_memory.items():
                if memory not in horizons:
                    horizons[memory] = _horizon(memory, timeframe, ts_close)
                if until > horizons[memory]:
                    tainted.update(dict.fromkeys(places, reason))
        return {CATALOGUE[place].name: tainted[place] for place in sorted(tainted)}

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
        return today - (SESSIONS[memory] - 1) * DAY
    return ts_close - memory * TIMEFRAME_NS[timeframe]


def _by_input() -> dict[Input, dict[Span, list[int]]]:
    """Places in the catalogue by what is read and how long it is remembered: many features have one memory."""
    found: dict[Input, dict[Span, list[int]]] = {source: {} for source in get_args(Input)}
    for place, feature in enumerate(CATALOGUE):
        for source in feature.inputs:
            found[source].setdefault(feature.memory, []).append(place)
    return found


_FEATURES: Final = _by_input()
