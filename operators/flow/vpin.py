"""VPIN: how one-sided trading is, in time that is counted by volume."""

from math import fmod, fsum
from typing import Any, Final, NamedTuple

from operators.bars import OpenBar
from operators.errors import OperatorError
from operators.feature import Close, Feature
from operators.flow.part import summary
from operators.state import Slotted
from schemas.time import DAY

__all__ = ["MEASURES", "Vpin", "VpinPart"]

_BUCKETS: Final = 50
"""A session's volume makes so many, and so many are averaged: the authors' own choice."""


class VpinPart(NamedTuple):
    """The value at the end of some time."""

    value: float | None

    def plus(self, later: "VpinPart") -> "VpinPart":
        """Both together."""
        return later


class Vpin(Slotted):
    """Volume-synchronised probability of informed trading: mean absolute imbalance of the last buckets of equal volume.

    D. Easley, M. López de Prado, M. O'Hara, Flow Toxicity and Liquidity in a High-frequency World, 2012, section 2. A
    bucket holds a fiftieth of the volume of the session (UTC day) before; a bar is spread over the buckets that it
    fills. Differences from the paper: the aggressor is told, so nothing is classified in bulk; buckets begin anew at
    00:00 UTC, so that a start at any time ends up at the same value; and half of the buckets are enough, as a session
    of less volume than the one before it fills fewer.

    Parameters
    ----------
    buckets
        In a session's volume, and in the mean.

    Raises
    ------
    OperatorError
        Fewer than one bucket.
    """

    __slots__ = ("_bought", "_buckets", "_end", "_full", "_room", "_session", "_size", "_sold", "_volume", "value")

    def __init__(self, buckets: int = _BUCKETS) -> None:
        if buckets < 1:
            raise OperatorError(f"buckets = {buckets}: must be at least 1")
        self._buckets = buckets
        self._end: int | None = None  # of the last bar, ns; None: what was before is not known
        self._session: int | None = None  # its beginning, if it is known from there on
        self._volume = 0.0  # of it so far
        self._size = 0.0  # of a bucket in it; 0: not known
        self._room = self._bought = self._sold = 0.0  # of the bucket that is being filled
        self._full: list[tuple[int, float, float]] = []  # beginning of the session, absolute imbalance and size
        self.value: float | None = None
        """0 to 1; ``None`` until ready."""

    def update(self, bar: OpenBar | None, end: int) -> None:
        """Take the next bar, up to ``end`` (ns); ``None``: it is not known."""
        if bar is None or "partial" in bar.quality or bar.ts_open != self._end:
            self._session, self._size = None, 0.0
            self._keep([])
        self._end = None if bar is None else end
        if bar is None:
            return
        session = bar.ts_open - bar.ts_open % DAY
        if bar.ts_open == session:
            self._turn(session)
        self._volume += bar.volume
        if not bar.sided:
            self._keep([])
            self._empty()
        elif self._size and bar.volume:
            self._fill(session, bar)

    def _turn(self, session: int) -> None:
        self._size = self._volume / self._buckets if self._session == session - DAY else 0.0
        self._session, self._volume = session, 0.0
        self._keep([bucket for bucket in self._full if bucket[0] >= session - DAY])
        self._empty()

    def _empty(self) -> None:
        self._room, self._bought, self._sold = self._size, 0.0, 0.0

    def _keep(self, full: list[tuple[int, float, float]]) -> None:
        self._full = full
        known = 2 * len(full) >= self._buckets
        self.value = fsum(bucket[1] for bucket in full) / fsum(bucket[2] for bucket in full) if known else None

    def _fill(self, session: int, bar: OpenBar) -> None:
        size, left = self._size, bar.volume
        full: list[tuple[int, float, float]] = []
        bought, sold = bar.buy_volume / bar.volume, bar.sell_volume / bar.volume
        most = (self._buckets + 1) * size
        if left >= most + size:
            left = most + fmod(left, size)  # more would be pushed out again at once
        while left >= self._room:
            part = self._room
            left -= part
            imbalance = abs(self._bought - self._sold + part * (bought - sold))
            full.append((session, min(imbalance, size), size))
            self._empty()
        self._room -= left
        self._bought += left * bought
        self._sold += left * sold
        if full:
            self._keep([*self._full, *full][-self._buckets :])

    def restore(self, state: list[Any]) -> None:
        """Take up a `state` again."""
        super().restore(state)
        self._full = [(session, imbalance, size) for session, imbalance, size in self._full]


def _read(part: VpinPart, _: Close) -> tuple[float | None]:
    return (part.value,)


MEASURES = (
    summary(
        "vpin", _read,
        Feature(
            name="vpin", unit="ratio", low=0.0, high=1.0, memory="three sessions", warm_up="three sessions",
            summary=f"One-sidedness of trading over the last {_BUCKETS // 2} to {_BUCKETS} buckets of equal volume",
            formula=f"sum |bought - sold| / sum(bucket), over buckets of 1/{_BUCKETS} of the volume of the "
            "session before", source="Easley, Lopez de Prado, O'Hara 2012; aggressors as told, anchored at 00:00 UTC",
            null=f"no session before this one was seen whole, or fewer than {_BUCKETS // 2} buckets were filled since "
            "it began, or the venue does not tell the aggressor",
        ),
    ),
)  # fmt: skip
