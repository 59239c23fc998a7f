"""Trades that are large, as trades go these hours."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from operators.feature import Close, Feature
from operators.flow.part import summary
from operators.flow.quantile import LogHistogram
from operators.microstructure import BufferedTrade
from operators.state import Slotted
from schemas.time import HOUR

__all__ = ["MEASURES", "LargePart", "LargeTrades"]

_ACCURACY: Final = 0.02
_SHARE: Final = 0.99
_LEAST: Final = 1_000
"""Trades that a hundredth of is more than chance."""


class LargePart(NamedTuple):
    """Trades of some time; notionals are price times size."""

    trades: int
    """All that were held against a threshold."""
    notional: float
    """Of these."""
    number: int
    """Of large ones, as all below."""
    large: float
    bought: float
    sold: float
    threshold: float | None
    """At the end."""

    def plus(self, later: "LargePart") -> "LargePart":
        """Both together."""
        return LargePart(
            self.trades + later.trades, self.notional + later.notional, self.number + later.number,
            self.large + later.large, self.bought + later.bought, self.sold + later.sold, later.threshold,
        )  # fmt: skip


class LargeTrades(Slotted):
    """Holds each trade against the greatest hundredth of this hour and the one before, as it was at the last close.

    So no trade is judged by what came after it. The histograms of two hours need no window: their memory is bounded,
    their counts are exact, and what was lost is forgotten after two hours.
    """

    __slots__ = (
        "_before", "_bought", "_count", "_current", "_hour", "_large", "_notional", "_sold", "_trades", "threshold",
    )  # fmt: skip

    def __init__(self) -> None:
        self._hour: int | None = None  # number of the hour that is counted
        self._before, self._current = LogHistogram(_ACCURACY), LogHistogram(_ACCURACY)
        self.threshold: float | None = None
        """Notional from which a trade is large, ``None`` until there were enough."""
        self._clear()

    def update(self, trades: Sequence[BufferedTrade]) -> None:
        """Take trades."""
        add, threshold = self._current.add, self.threshold
        for _, _, _, price, size, side, _ in trades:
            if not size:
                continue
            notional = price * size
            add(notional)
            if threshold is None:
                continue
            self._trades += 1
            self._notional += notional
            if notional >= threshold:
                self._count += 1
                self._large += notional
                if side == "buy":
                    self._bought += notional
                elif side == "sell":
                    self._sold += notional

    def take(self, end: int) -> LargePart | None:
        """What was traded up to ``end`` (ns) since last taken, ``None`` if nothing is known of it."""
        sums = self._trades, self._notional, self._count, self._large, self._bought, self._sold
        self._clear()
        self._turn(end // HOUR, (end - 1) // HOUR)
        if not self._before.count + self._current.count:
            self.threshold = None
            return None
        self.threshold = self._quantile()
        return LargePart(*sums, self.threshold)

    def _clear(self) -> None:
        self._trades = self._count = 0
        self._notional = self._large = self._bought = self._sold = 0.0

    def _turn(self, hour: int, counted: int) -> None:
        if self._hour is None:
            self._hour = counted
        if hour != self._hour:
            self._before = self._current if hour == self._hour + 1 else LogHistogram(_ACCURACY)
            self._current, self._hour = LogHistogram(_ACCURACY), hour

    def _quantile(self) -> float | None:
        if self._before.count + self._current.count < _LEAST:
            return None
        return self._current.quantile(_SHARE, self._before)


def _read(part: LargePart, close: Close) -> tuple[float | None, ...]:
    if part.threshold is None or part.trades != close.bar.trades:
        return None, None, None, part.threshold
    sided = part.bought + part.sold
    return (
        float(part.number),
        part.large / part.notional if part.notional else None,
        (part.bought - part.sold) / sided if sided else None,
        part.threshold,
    )


_SOURCE: Final = "Masson, Rim, Lee, DDSketch, PVLDB 2019; the share is a convention"
_NULL: Final = f"fewer than {_LEAST} trades this hour and the one before, or not all trades of the bar were seen"

MEASURES = (
    summary(
        "large", _read,
        Feature(
            name="large_trades", unit="trades", low=0.0, memory="two hours", null=_NULL, source=_SOURCE,
            summary="Trades of the bar that are among the largest hundredth",
            formula="number of trades with price size >= large_trade_from of the minute before",
        ),
        Feature(
            name="large_trade_share", unit="ratio", low=0.0, high=1.0, memory="two hours", source=_SOURCE,
            summary="Share of large trades in what was traded", formula="notional of large trades / notional",
            null=f"{_NULL}, or nothing traded",
        ),
        Feature(
            name="large_trade_imbalance", unit="ratio", low=-1.0, high=1.0, memory="two hours", source=_SOURCE,
            summary="Imbalance of large trades, by aggressor", formula="(bought - sold) / (bought + sold) of large",
            null=f"{_NULL}, or none was large, or the venue does not tell the aggressor",
        ),
        Feature(
            name="large_trade_from", unit="notional", low=0.0, memory="two hours", source=_SOURCE,
            summary="Notional from which a trade was large at the end of the bar",
            formula=f"{_SHARE} quantile of price size since the beginning of the hour before, to {_ACCURACY:.0%}",
            null=f"fewer than {_LEAST} trades this hour and the one before",
        ),
    ),
)  # fmt: skip
