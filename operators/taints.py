"""How long a loss in an input taints which feature."""

from typing import Any

from operators.feature import SESSIONS, Feature, Input
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
        if not self.lost:
            return {}
        tainted: dict[str, str] = {}
        horizons: dict[int | str, int] = {}  # many features have one memory
        for feature in CATALOGUE:
            for source in feature.inputs:
                if source in self.lost:
                    until, reason = self.lost[source]
                    if feature.memory not in horizons:
                        horizons[feature.memory] = _horizon(feature, timeframe, ts_close)
                    if until > horizons[feature.memory]:
                        tainted[feature.name] = reason
        return tainted

    def state(self) -> dict[str, Any]:
        """Plain data for recovery."""
        return {source: list(lost) for source, lost in self.lost.items()}

    def restore(self, state: dict[Any, Any]) -> None:
        """Take up ``state`` again."""
        self.lost = {source: (until, reason) for source, (until, reason) in state.items()}


def _horizon(feature: Feature, timeframe: Timeframe, ts_close: int) -> int:
    if feature.memory == "two hours":
        return floor_to(ts_close - TIMEFRAME_NS[timeframe], HOUR) - HOUR
    if isinstance(feature.memory, str):
        today = (ts_close - 1) // DAY * DAY
        return today - (SESSIONS[feature.memory] - 1) * DAY
    return ts_close - feature.memory * TIMEFRAME_NS[timeframe]
