"""Divergence of price and relative strength between two swings."""

from typing import Final

from operators.feature import Close, Feature, forgotten, of_range, one, settled
from operators.indicators.rsi import RelativeStrengthIndex
from operators.indicators.swings import REACH, Swings
from operators.state import Slotted
from schemas.time import TIMEFRAMES, Timeframe

__all__ = ["MEASURES", "Divergence"]

_APART: Final = 60
"""Bars between two swings that are still compared."""
_AGES: Final = 60
"""Bars for which a divergence is told."""


class _Recent(Slotted):
    """The last sign that was not 0, for `_AGES` bars; ``None`` until so many were seen, or one that was not 0."""

    __slots__ = ("_age", "_sign")

    def __init__(self) -> None:
        self._sign = 0.0
        self._age = 0

    def update(self, sign: float) -> float | None:
        self._age += 1
        if sign:
            self._sign, self._age = sign, 0
        elif self._age >= _AGES:
            self._sign = 0.0
        return self._sign if self._sign or self._age >= _AGES else None


class Divergence(Slotted):
    """Compares each confirmed swing with the one before it on the same side.

    Regular: price makes a lower low and the index a higher one (bullish), or price a higher high and the index a lower
    one (bearish). Hidden: price makes a higher low and the index a lower one (bullish), or price a lower high and the
    index a higher one (bearish). J. Welles Wilder 1978; C. Brown, Technical Analysis for the Trading Professional,
    1999. A divergence is told on the bar that confirms its second swing.
    """

    __slots__ = ("_bars", "_hidden", "_high", "_indices", "_low", "_regular", "_rsi", "_swings")

    def __init__(self, period: int = 14, reach: int = REACH) -> None:
        self._rsi, self._swings = RelativeStrengthIndex(period), Swings(reach)
        self._indices: list[float | None] = []  # of the bars that can still become swings
        self._bars = 0
        self._high: tuple[int, float, float] | None = None  # bar, price and index of the last swing
        self._low: tuple[int, float, float] | None = None
        self._regular, self._hidden = _Recent(), _Recent()

    def update(self, high: float, low: float, close: float) -> tuple[float | None, ...]:
        """Take a bar; 1, -1 or 0 for a regular and a hidden divergence that became knowable just now, and lately.

        ``None`` as long as the swing before could have been one that was not seen, or whose index was not.
        """
        regular, hidden = self._found(high, low, close)
        if self._bars < _FIRST:
            return None, None, None, None
        return regular, self._regular.update(regular), hidden, self._hidden.update(hidden)

    def _found(self, high: float, low: float, close: float) -> tuple[float, float]:
        self._bars += 1
        self._indices.append(self._rsi.update(close))
        top, bottom = self._swings.update(high, low)
        if len(self._indices) <= self._swings.reach:
            return 0.0, 0.0
        index = self._indices.pop(0)
        if index is None:
            return 0.0, 0.0
        at = self._bars - self._swings.reach
        regular = hidden = 0.0
        if top is not None:
            before, self._high = self._high, (at, top, index)
            if before is not None and at - before[0] <= _APART:
                regular -= top > before[1] and index < before[2]
                hidden -= top < before[1] and index > before[2]
        if bottom is not None:
            before, self._low = self._low, (at, bottom, index)
            if before is not None and at - before[0] <= _APART:
                regular += bottom < before[1] and index > before[2]
                hidden += bottom > before[1] and index < before[2]
        return regular, hidden


def _step(divergence: Divergence, close: Close) -> tuple[float | None, ...]:
    found = of_range(divergence, close)
    return *found, _agreed(found[1], _REGULAR_RECENT, close), _agreed(found[3], _HIDDEN_RECENT, close)


def _agreed(sign: float | None, name: str, close: Close) -> float | None:
    """``sign`` if that of the next shorter timeframe at the same close is the same, else 0."""
    if close.shorter is None or sign is None or close.shorter[name] is None:
        return None
    return sign if sign == close.shorter[name] else 0.0


_PERIOD: Final = 14
_FIRST: Final = _PERIOD + 1 + REACH + _APART
"""Bars after which the swing before is one whose index was known, or too far away."""
_SEEN: Final = 2 * REACH + _APART + _AGES


_REGULAR_RECENT: Final = "rsi_divergence_recent"
_HIDDEN_RECENT: Final = "rsi_hidden_divergence_recent"


def _entry(
    name: str,
    summary: str,
    formula: str,
    null: str = f"fewer than {_FIRST} bars were seen",
    timeframes: tuple[Timeframe, ...] = TIMEFRAMES,
) -> Feature:
    return Feature(
        name=name, unit="sign", low=-1.0, high=1.0, summary=summary, formula=formula, null=null, ready=_FIRST,
        source="Wilder 1978; Brown 1999", memory=forgotten(1 / _PERIOD) + _SEEN, warm_up=settled(1 / _PERIOD) + _SEEN,
        timeframes=timeframes,
    )  # fmt: skip


def _both(name: str, of: str, recent: str) -> Feature:
    """Of two timeframes."""
    return _entry(
        name, f"The last {of} divergence, if the next shorter timeframe agrees",
        f"{recent}, if that of the next shorter timeframe at the same close is equal, else 0",
        "no vector of the next shorter timeframe at this close, as on 1m", TIMEFRAMES[1:],
    )  # fmt: skip


_REGULAR: Final = "lower low with higher RSI 14: 1; higher high with lower RSI 14: -1; told when the swing is confirmed"
_HIDDEN: Final = "higher low with lower RSI 14: 1; lower high with higher RSI 14: -1; told when the swing is confirmed"

_UNSEEN: Final = f"no divergence was seen, and fewer than {_FIRST + _AGES - 1} bars were"

MEASURES = (
    one(
        Divergence, _step,
        _entry("rsi_divergence", "Regular divergence that became knowable at this close", _REGULAR),
        _entry(_REGULAR_RECENT, f"Last regular divergence of {_AGES} bars", "last rsi_divergence not 0", _UNSEEN),
        _entry("rsi_hidden_divergence", "Hidden divergence that became knowable at this close", _HIDDEN),
        _entry(_HIDDEN_RECENT, f"Last hidden divergence of {_AGES} bars", "last rsi_hidden_divergence not 0", _UNSEEN),
        _both("rsi_divergence_agreed", "regular", _REGULAR_RECENT),
        _both("rsi_hidden_divergence_agreed", "hidden", _HIDDEN_RECENT),
    ),
)  # fmt: skip
