"""Moving average convergence and divergence."""

from operators.errors import OperatorError
from operators.feature import Close, Feature, forgotten, one, settled
from operators.indicators.cross import CROSS_AGES, Cross, cross_features
from operators.indicators.ema import ExponentialMovingAverage
from operators.state import Slotted

__all__ = ["MEASURES", "MovingAverageConvergenceDivergence"]


class MovingAverageConvergenceDivergence(Slotted):
    """Line: fast minus slow average of closes; signal: an average of the line; histogram: line minus signal.

    Both averages are begun on the bar on which the slow one is ready, the fast one with the mean of the last ``fast``
    values (Gerald Appel, The Moving Average Convergence Divergence Method, 1979; seeding of TA-Lib's ``MACD``, which
    tells nothing before the signal is ready; here the line is told as soon as it is known).

    Parameters
    ----------
    fast, slow, signal
        Values; ``fast`` below ``slow``.

    Raises
    ------
    OperatorError
        For a period that is too small, or a fast one that is not faster.
    """

    __slots__ = ("_cross", "_fast", "_signal", "_skip", "_slow", "hist", "line", "signal")

    def __init__(self, fast: int = 12, slow: int = 26, signal: int = 9) -> None:
        if fast >= slow:
            raise OperatorError(f"MACD: fast is {fast}, it must be below slow, {slow}")
        self._fast, self._slow = ExponentialMovingAverage(fast), ExponentialMovingAverage(slow)
        self._signal = ExponentialMovingAverage(signal)
        self._cross = Cross()
        self._skip = slow - fast
        self.line: float | None = None
        """In price units, like ``signal`` and ``hist``; ``None`` until ready."""
        self.signal: float | None = None
        self.hist: float | None = None

    def update(self, x: float) -> tuple[float | None, float | None, float | None]:
        """Take one price; line, signal and histogram."""
        slow = self._slow.update(x)
        if self._skip:
            self._skip -= 1
            return None, None, None
        fast = self._fast.update(x)
        if fast is None or slow is None:
            return None, None, None
        self.line = fast - slow
        self.signal = self._signal.update(self.line)
        if self.signal is not None:
            self.hist = self.line - self.signal
        return self.line, self.signal, self.hist

    def crossed(self) -> tuple[float | None, float | None]:
        """Direction and age of the line's last crossing of its signal; to be asked once after each update."""
        return (None, None) if self.hist is None else self._cross.update(self.hist)


def _step(macd: MovingAverageConvergenceDivergence, close: Close) -> tuple[float | None, ...]:
    return (*macd.update(close.bar.close), *macd.crossed())


_SLOW, _SIGNAL = 2 / 27, 2 / 10
_MEMORY, _WARM = forgotten(_SLOW) + forgotten(_SIGNAL), settled(_SLOW) + settled(_SIGNAL)
_SOURCE = "Appel 1979; TA-Lib MACD(12, 26, 9)"

MEASURES = (
    one(
        MovingAverageConvergenceDivergence, _step,
        Feature(
            name="macd", unit="quote", summary="MACD line", formula="EMA_12(close) - EMA_26(close)", source=_SOURCE,
            null="never", ready=26, memory=forgotten(_SLOW), warm_up=settled(_SLOW),
        ),
        Feature(
            name="macd_signal", unit="quote", summary="MACD signal", formula="EMA_9(macd)", source=_SOURCE,
            null="never", ready=34, memory=_MEMORY, warm_up=_WARM,
        ),
        Feature(
            name="macd_hist", unit="quote", summary="MACD histogram", formula="macd - macd_signal", source=_SOURCE,
            null="never", ready=34, memory=_MEMORY, warm_up=_WARM,
        ),
        *cross_features("macd", "macd", "macd_signal", ready=34, memory=_MEMORY, warm_up=_WARM + CROSS_AGES),
    ),
)  # fmt: skip
