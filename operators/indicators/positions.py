"""Open interest and liquidations beside the price: who comes, who goes, who is thrown out."""

from typing import Final

from operators.feature import Close, Feature, one
from operators.indicators.window import Window
from operators.indicators.zscore import ZScore, z_feature
from operators.state import Slotted

__all__ = ["MEASURES", "Positions", "quadrant"]

_USUAL: Final = 20
"""Bars that say what moves and liquidations are usual."""
_MOVE: Final = 2.0
"""Standard deviations of the last returns that the price has to fall or rise by."""
_FORCED: Final = 3.0
"""Times the mean of the last bars that has to be liquidated."""


def quadrant(move: float, change: float) -> float:
    """1: price and open interest rise (new longs); 2: price rises, interest falls (shorts close); 3: price falls,
    interest rises (new shorts); 4: both fall (longs close); 0: one of them stands still.

    J. Murphy, Technical Analysis of the Financial Markets, 1999, chapter 7.

    >>> quadrant(-0.01, 0.02)
    3.0
    """
    if not move or not change:
        return 0.0
    return (1.0 if change > 0.0 else 2.0) if move > 0.0 else (3.0 if change > 0.0 else 4.0)


class _Side(Slotted):
    """Liquidations of one side."""

    __slots__ = ("_before", "usual")

    def __init__(self) -> None:
        self._before: tuple[int, float] | None = None
        self.usual = Window(_USUAL, "liquidations")

    def update(self, total: tuple[int, float] | None, *, follows: bool) -> tuple[float | None, float | None, bool]:
        """Take the totals so far; count and notional of the bar, and whether that is far more than usual.

        Not known if the bar before, which ``follows`` says, was left out: then what came in which of them is not.
        """
        before, self._before = self._before, total
        if total is None or not follows:
            return None, None, False
        if before is None:
            before = (0, 0.0)  # the first ever told of came in this bar
        count, notional = float(total[0] - before[0]), total[1] - before[1]
        many = notional > 0.0 and self.usual.full and notional > _FORCED * self.usual.mean
        self.usual.push(notional)
        return count, notional, many


class Positions(Slotted):
    """Open interest, liquidations, and the cascade in which liquidations, price and open interest go together."""

    __slots__ = ("_close", "_interest", "_longs", "_moves", "_shorts", "_to", "_told", "_z")
    VERSION = 2

    def __init__(self) -> None:
        self._to: int | None = None  # the close before
        self._close: float | None = None
        self._interest: float | None = None
        self._told = 0  # when that was, ns
        self._moves = Window(_USUAL, "returns")
        self._z = ZScore()
        self._longs, self._shorts = _Side(), _Side()

    def update(self, close: Close) -> tuple[float | None, ...]:
        """Take a close; the features in the catalogue's order."""
        bar, interest = close.bar, close.moment.open_interest
        follows = self._to is None or self._to == bar.ts_open
        self._to = close.ts_close
        told = 0 if close.moment.told is None else close.moment.told.open_interest
        if not follows:
            self._close = self._interest = None
            for usual in (self._moves, self._longs.usual, self._shorts.usual):
                usual.clear()  # of before the hole it is not said how long it was
        move = None if self._close is None else bar.close / self._close - 1.0
        new = told > self._told
        change = interest / self._interest - 1.0 if new and interest is not None and self._interest else None
        self._close, self._interest, self._told = bar.close, interest, told
        forced = close.moment.forced
        longs, long_notional, many_longs = self._longs.update(None if forced is None else forced[:2], follows=follows)
        shorts, short_notional, many_shorts = self._shorts.update(
            None if forced is None else forced[2:], follows=follows
        )
        cascade: float | None = None
        if move is not None and change is not None and forced is not None and self._moves.full:
            far = change < 0.0 and abs(move) > _MOVE * self._moves.deviation
            cascade = -1.0 if far and move < 0.0 and many_longs else 1.0 if far and move > 0.0 and many_shorts else 0.0
        if move is not None:
            self._moves.push(move)
        return (
            interest, change, self._z.update(close, change),
            None if move is None or change is None else quadrant(move, change),
            longs, long_notional, shorts, short_notional, cascade,
        )  # fmt: skip


_NO_INTEREST = "the venue has told no open interest since somebody listens"
_NO_CHANGE = "the venue has told none since the close before, or none was known then"
_NEVER = "the venue has never told of a liquidation, or the bar before is not known"
_BOUND = "exchanges throttle these messages: a lower bound"


def _forced(side: str, unit: str, word: str) -> Feature:
    return Feature(
        name=f"liquidated_{side}_{word}", unit=unit, low=0.0, inputs=("derivatives",), memory=1,
        summary=f"{'Count' if word == 'count' else 'Notional'} of {side} positions liquidated in the bar; {_BOUND}",
        formula="sum(1)" if word == "count" else "sum(price size), by what a contract is worth", source="the venue",
        null=_NEVER,
    )  # fmt: skip


MEASURES = (
    one(
        Positions, Positions.update,
        Feature(
            name="open_interest", unit="size", low=0.0, inputs=("derivatives",), source="the venue",
            summary="Open positions, one side counted", formula="as the venue tells it", null=_NO_INTEREST,
        ),
        Feature(
            name="open_interest_change", unit="ratio", low=-1.0, inputs=("derivatives",), ready=2, memory=1, warm_up=2,
            summary="Change of open interest over the bar", formula="open_interest / open_interest[t-1] - 1",
            source="its definition", null=_NO_CHANGE,
        ),
        z_feature("open_interest_z", "open_interest_change", inputs=("derivatives",), ready=2),
        Feature(
            name="open_interest_quadrant", unit="category", low=0.0, high=4.0, inputs=("trades", "derivatives"),
            ready=2, memory=2, warm_up=2,
            summary="Price and open interest: 1 new longs, 2 shorts close, 3 new shorts, 4 longs close",
            formula="by the signs of return_1 and open_interest_change; 0 if one is 0", source="Murphy 1999, chapter 7",
            null=_NO_CHANGE,
        ),
        _forced("long", "positions", "count"),
        _forced("long", "quote", "notional"),
        _forced("short", "positions", "count"),
        _forced("short", "quote", "notional"),
        Feature(
            name="cascade", unit="sign", low=-1.0, high=1.0, inputs=("trades", "derivatives"), ready=_USUAL + 2,
            memory=_USUAL + 2, warm_up=_USUAL + 2,
            summary="Liquidations, price and open interest falling together: -1; shorts squeezed out: 1",
            formula=f"|return_1| > {_MOVE:g} stddev_{_USUAL}(return_1), open_interest_change < 0, liquidated notional "
            f"of the losing side > {_FORCED:g} mean_{_USUAL}",
            source="its definition", null=f"of open interest {_NO_CHANGE}; or {_NEVER}",
        ),
    ),
)  # fmt: skip
