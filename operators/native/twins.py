"""What indicators and meters are made of, compiled: the same attributes, the same state, the same numbers."""

from typing import Any, Final, TypeVar

from operators import native
from operators.flow.impact import ImpactMeter
from operators.flow.intensity import TradeClock
from operators.flow.large import LargeTrades
from operators.flow.levels import LevelFlow, LevelSide
from operators.flow.quantile import LogHistogram
from operators.flow.samples import BookMeter
from operators.flow.spread import SpreadMeter
from operators.indicators.adx import AverageDirectionalIndex
from operators.indicators.atr import AverageTrueRange
from operators.indicators.ema import ExponentialMovingAverage
from operators.indicators.levels import Levels
from operators.indicators.rsi import RelativeStrengthIndex
from operators.indicators.swings import Swings
from operators.indicators.window import Mean, Window
from operators.indicators.zones import Zones
from operators.indicators.zscore import SessionsZScore
from operators.microstructure import OrderFlowImbalance
from operators.state import Slotted

__all__ = ["METERS", "PLAIN", "compiled"]

PLAIN: Final[tuple[type[Slotted], ...]] = (
    AverageDirectionalIndex, AverageTrueRange, ExponentialMovingAverage, Levels, Mean, RelativeStrengthIndex,
    SessionsZScore, Swings, Window, Zones,
)  # fmt: skip
"""Of the classes that have a twin, those that features are made of."""
METERS: Final[tuple[type[Slotted], ...]] = (
    BookMeter, ImpactMeter, LargeTrades, LevelFlow, LevelSide, LogHistogram, OrderFlowImbalance, SpreadMeter,
    TradeClock,
)  # fmt: skip
"""Those that a recorder is made of."""
_State = TypeVar("_State", bound=Slotted)


def compiled(plain: _State) -> _State:
    """``plain`` with its compiled twin in its own place, or in those of its slots; as it is where nothing is built."""
    twin = _TWINS.get(type(plain))
    made: Any = plain if twin is None else twin.__new__(twin)
    for name in type(plain).slots:
        value = getattr(plain, name)
        setattr(made, name, compiled(value) if isinstance(value, Slotted) else value)
    return made  # type: ignore[no-any-return]  # it does all that `plain` does


def _twin(plain: type[Slotted]) -> type[Slotted]:
    from operators.native import _native

    kept = {"VERSION": plain.VERSION, "MIGRATIONS": plain.MIGRATIONS, "__slots__": ()}
    made: type[Slotted] = type(plain.__name__, (getattr(_native, plain.__name__), Slotted), kept)
    made.has(plain.slots)
    return made


_TWINS: Final = {plain: _twin(plain) for plain in (*PLAIN, *METERS)} if native.BUILT else {}
