"""Kyle's lambda: how far the price moves with what is bought or sold."""

from bisect import bisect_left
from collections.abc import Sequence
from math import fsum, isnan, nan
from typing import Final, NamedTuple

from operators.feature import Close, Feature
from operators.flow.part import summary
from operators.microstructure import BufferedTrade, Move
from operators.state import Slotted
from schemas.time import SECOND

__all__ = ["MEASURES", "ImpactMeter", "ImpactPart"]

_LEAST: Final = 30
"""Seconds that a slope is drawn through."""
_NOTHING: Final = 1e-12
"""Of the mean square: a variation that is rounding only."""


class ImpactPart(NamedTuple):
    """Seconds with what was bought minus sold in each, and how far the middle moved: means, and sums about them."""

    seconds: int
    flow: float
    move: float
    flow_flow: float
    flow_move: float
    move_move: float

    def plus(self, later: "ImpactPart") -> "ImpactPart":
        """Both together, as by T. Chan, G. Golub, R. LeVeque (The American Statistician 37, 1983)."""
        both = self.seconds + later.seconds
        flow, move, weight = later.flow - self.flow, later.move - self.move, self.seconds * later.seconds / both
        return ImpactPart(
            both,
            self.flow + flow * later.seconds / both,
            self.move + move * later.seconds / both,
            self.flow_flow + later.flow_flow + flow * flow * weight,
            self.flow_move + later.flow_move + flow * move * weight,
            self.move_move + later.move_move + move * move * weight,
        )


class ImpactMeter(Slotted):
    """Moves of the middle and net flow of aggressors by seconds of the clock, as far as both are known.

    A second counts if quotes were known at its begin and end, and the aggressor of each of its trades.
    """

    __slots__ = ("_flows", "_latest", "_mid", "_mids", "_since")

    def __init__(self) -> None:
        self._since = 0  # ns
        self._mid: float | None = None  # then
        self._flows: dict[int, float] = {}  # by second, nan: not known
        self._mids: dict[int, float | None] = {}  # the last in each second in which it changed
        self._latest = 0  # of these seconds

    def begin(self, ts: int) -> None:
        """Nothing is known of what came before ``ts`` (ns), be it an age."""
        self._since, self._mid, self._flows, self._mids = ts, None, {}, {}

    def trades(self, trades: Sequence[BufferedTrade]) -> None:
        """Take trades."""
        flows = self._flows
        for ts, _, _, _, size, side, _ in trades:
            if size:
                second = ts // SECOND
                signed = size if side == "buy" else -size if side == "sell" else nan
                flows[second] = flows.get(second, 0.0) + signed

    def quotes(self, moves: Sequence[Move]) -> None:
        """Take changes of the best prices, in order of time."""
        for ts, bid, ask in moves:
            self._set(ts, (bid + ask) / 2.0)

    def lose(self, ts: int) -> None:
        """From ``ts`` (ns) on the quotes are not known."""
        if self._mids or self._mid is not None:
            self._set(ts, None)

    def take(self, end: int) -> ImpactPart | None:
        """The seconds up to ``end`` (ns) since last taken, ``None`` if nothing is known of them."""
        flows, mids, mid, begin = self._flows, self._mids, self._mid, self._since // SECOND
        self._flows, self._mids, self._since = {}, {}, end
        if not mids and mid is None:
            return None
        seen: list[float] = []
        moved: list[float] = []
        changed = sorted(mids)
        second, last = begin, end // SECOND
        while second < last:
            if mid is None:  # nobody knows for how long: a silence of years has no seconds to go through
                at = bisect_left(changed, second)
                if at == len(changed) or changed[at] >= last:
                    break
                second = changed[at]
            before, mid = mid, mids.get(second, mid)
            flow = flows.get(second, 0.0)
            if before is not None and mid is not None and not isnan(flow):
                seen.append(flow)
                moved.append(mid - before)
            second += 1
        self._mid = mid
        return _part(seen, moved) if seen else None

    def _set(self, ts: int, mid: float | None) -> None:
        """What comes late for its place counts from where time has come to."""
        self._latest = max(self._latest, ts // SECOND)
        self._mids[self._latest] = mid


def _part(flows: list[float], moves: list[float]) -> ImpactPart:
    count = len(flows)
    flow, move = fsum(flows) / count, fsum(moves) / count
    flows, moves = [x - flow for x in flows], [x - move for x in moves]
    return ImpactPart(
        count, flow, move, fsum(x * x for x in flows), fsum(x * y for x, y in zip(flows, moves, strict=True)),
        fsum(y * y for y in moves),
    )  # fmt: skip


def _read(part: ImpactPart, _: Close) -> tuple[float | None, float | None]:
    count = part.seconds
    if count < _LEAST or part.flow_flow <= _NOTHING * count * part.flow**2:
        return None, None
    still = part.move_move <= _NOTHING * count * part.move**2
    fit = None if still else min(part.flow_move**2 / (part.flow_flow * part.move_move), 1.0)
    return part.flow_move / part.flow_flow, fit


_NULL: Final = f"fewer than {_LEAST} seconds of the bar in which quotes and aggressors were known, or flow did not vary"

MEASURES = (
    summary(
        "impact", _read,
        Feature(
            name="kyle_lambda", unit="quote/size", inputs=("trades", "quotes"), memory=1, null=_NULL,
            summary="Kyle's lambda: how far the middle moves with a unit bought",
            formula="slope of least squares: middle's change in a second = a + lambda (bought - sold in it) + error",
            source="Kyle 1985; least squares of a bar's seconds",
        ),
        Feature(
            name="kyle_r2", unit="ratio", low=0.0, high=1.0, inputs=("trades", "quotes"), memory=1,
            summary="Share of the middle's variance that kyle_lambda explains", formula="R squared of that regression",
            source="its definition", null=f"{_NULL}, or the middle stood still",
        ),
    ),
)  # fmt: skip
