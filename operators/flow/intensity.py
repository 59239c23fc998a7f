"""How fast trades follow each other."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from operators.feature import Close, Feature
from operators.flow.part import summary
from operators.microstructure import BufferedTrade
from operators.state import Slotted
from schemas.time import SECOND

__all__ = ["MEASURES", "TradeClock", "TradesPart"]


class TradesPart(NamedTuple):
    """Trades of some time."""

    number: int
    most: int
    """In one second of the clock."""
    busy: int
    """Seconds with a trade."""
    since: int | None
    """Time from the last trade to the end, ns."""

    def plus(self, later: "TradesPart") -> "TradesPart":
        """Both together."""
        return TradesPart(
            self.number + later.number, max(self.most, later.most), self.busy + later.busy, later.since
        )  # fmt: skip


class TradeClock(Slotted):
    """Counts trades by seconds of the clock, in any order.

    Examples
    --------
    >>> clock = TradeClock()
    >>> clock.update([(ts * SECOND, 0, 0, 1.0, 1.0, None, None) for ts in (1, 1, 5)])
    >>> clock.take(12 * SECOND, heard=True)
    TradesPart(number=3, most=2, busy=2, since=7000000000)
    """

    __slots__ = ("_counts", "_last")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._last: int | None = None

    def update(self, trades: Sequence[BufferedTrade]) -> None:
        """Take trades, those of one call in order of time."""
        counts, latest = self._counts, 0
        for ts, _, _, _, size, _, _ in trades:
            if size:
                second = ts // SECOND
                counts[second] = counts.get(second, 0) + 1
                latest = ts
        if latest:
            self._last = latest if self._last is None else max(self._last, latest)

    def take(self, end: int, *, heard: bool) -> TradesPart | None:
        """What was traded up to ``end`` (ns) since last taken; ``heard``: somebody listened all the time."""
        counts, self._counts = self._counts, {}
        if not heard:  # there may have been others
            self._last = None
        if self._last is None and not counts:
            return None
        since = None if self._last is None else end - self._last
        return TradesPart(sum(counts.values()), max(counts.values(), default=0), len(counts), since)


def _read(part: TradesPart, close: Close) -> tuple[float | None, ...]:
    since = None if part.since is None else part.since / SECOND
    if part.number != close.bar.trades:
        return None, None, since
    return float(part.most), part.busy * SECOND / (close.ts_close - close.bar.ts_open), since


_UNSEEN: Final = "not all trades of the bar were seen"

MEASURES = (
    summary(
        "trades", _read,
        Feature(
            name="trade_rate_max", unit="trades/s", low=0.0, memory=1, summary="Most trades in one second of the bar",
            formula="max over the seconds of the clock of the number of trades", source="its definition", null=_UNSEEN,
        ),
        Feature(
            name="trade_seconds", unit="ratio", low=0.0, high=1.0, memory=1, source="its definition", null=_UNSEEN,
            summary="Share of the bar's seconds in which something was traded",
            formula="seconds of the clock with a trade / seconds",
        ),
        Feature(
            name="seconds_since_trade", unit="s", low=0.0, memory=1, summary="Time since the last trade",
            formula="close - time of the last trade", source="its definition",
            null="nothing traded since somebody listens",
        ),
    ),
)  # fmt: skip
