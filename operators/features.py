"""The feature catalogue and the one place where a vector is computed, live, in replay and for training alike."""

from hashlib import sha256
from math import ceil, log
from typing import Any, Final, Literal, NamedTuple

from msgspec import Struct

from operators.bars import OpenBar
from operators.errors import StateError
from operators.indicators import (
    AverageTrueRange,
    CumulativeVolumeDelta,
    ExponentialMovingAverage,
    RelativeStrengthIndex,
    SessionVwap,
)
from operators.state import Slotted
from schemas.time import DAY, TIMEFRAME_NS, Timeframe

__all__ = ["CATALOGUE", "SCHEMA_HASH", "Feature", "FeatureSet", "Input", "Moment", "Taints"]

Input = Literal["trades", "quotes", "book", "derivatives"]


def _decay(alpha: float) -> int:
    """Updates after which less than 1 % of an exponential average is older."""
    return ceil(log(0.01) / log(1 - alpha))


class Feature(Struct, frozen=True):
    """One entry of the catalogue."""

    name: str
    unit: str
    inputs: tuple[Input, ...]
    memory: int | Literal["session"]
    """Bars that a loss in an input goes on to taint it; ``session``: until the next 00:00 UTC."""
    summary: str


CATALOGUE: Final = (
    Feature("spread", "quote", ("quotes",), 0, "Best ask minus best bid"),
    Feature("spread_bps", "bps", ("quotes",), 0, "Spread over the middle"),
    Feature("microprice", "quote", ("quotes",), 0, "Middle weighted by the opposite sizes (Stoikov 2018)"),
    Feature("microprice_bps", "bps", ("quotes",), 0, "Microprice over the middle, minus one"),
    Feature("obi_1", "ratio", ("book",), 0, "Size imbalance of the best level"),
    Feature("obi_5", "ratio", ("book",), 0, "Size imbalance of 5 levels"),
    Feature("obi_10", "ratio", ("book",), 0, "Size imbalance of 10 levels"),
    Feature("obi_20", "ratio", ("book",), 0, "Size imbalance of 20 levels"),
    Feature("ofi", "size", ("quotes",), 1, "Order-flow imbalance of the bar (Cont, Kukanov, Stoikov 2014)"),
    Feature("tfi", "ratio", ("trades",), 1, "Bought minus sold over their sum, by aggressor, of the bar"),
    Feature("ema_20", "quote", ("trades",), _decay(2 / 21), "Exponential average of closes"),
    Feature("ema_50", "quote", ("trades",), _decay(2 / 51), "Exponential average of closes"),
    Feature("rsi_14", "0-100", ("trades",), _decay(1 / 14), "Relative strength index (Wilder)"),
    Feature("atr_14", "quote", ("trades",), _decay(1 / 14), "Average true range (Wilder)"),
    Feature("vwap", "quote", ("trades",), "session", "Volume-weighted price since 00:00 UTC"),
    Feature("cvd", "size", ("trades",), "session", "Bought minus sold since 00:00 UTC"),
    Feature("funding_rate", "ratio", ("derivatives",), 0, "Running rate of one interval"),
    Feature("basis_bps", "bps", ("derivatives",), 0, "Mark price over index price, minus one"),
)

SCHEMA_HASH: Final = sha256(
    "\n".join(f"{f.name}|{f.unit}|{','.join(f.inputs)}|{f.memory}" for f in CATALOGUE).encode()
).hexdigest()[:16]
"""Changes whenever a vector means something else."""


class Moment(NamedTuple):
    """What is read off the book and the derivatives at the moment of decision; ``None``: not known."""

    spread: float | None = None
    spread_bps: float | None = None
    microprice: float | None = None
    microprice_bps: float | None = None
    obi_1: float | None = None
    obi_5: float | None = None
    obi_10: float | None = None
    obi_20: float | None = None
    funding_rate: float | None = None
    basis_bps: float | None = None
    bid: float | None = None
    ask: float | None = None


class Taints:
    """Until when each input was last lost, and why."""

    __slots__ = ("_lost",)

    def __init__(self) -> None:
        self._lost: dict[Input, tuple[int, str]] = {}

    def mark(self, source: Input, until: int, reason: str) -> None:
        """Something of ``source`` is missing up to event time ``until`` (ns)."""
        known = self._lost.get(source)
        if known is None or until >= known[0]:
            self._lost[source] = (until, reason)

    def of(self, timeframe: Timeframe, ts_close: int) -> dict[str, str]:
        """The features tainted at this close, in the catalogue's order, and why."""
        if not self._lost:
            return {}
        tainted: dict[str, str] = {}
        for feature in CATALOGUE:
            for source in feature.inputs:
                if source in self._lost:
                    until, reason = self._lost[source]
                    if until > _horizon(feature, timeframe, ts_close):
                        tainted[feature.name] = reason
        return tainted

    def state(self) -> dict[str, Any]:
        """Plain data for recovery."""
        return {source: list(lost) for source, lost in self._lost.items()}

    def restore(self, state: dict[Any, Any]) -> None:
        """Take up ``state`` again."""
        self._lost = {source: (until, reason) for source, (until, reason) in state.items()}


def _horizon(feature: Feature, timeframe: Timeframe, ts_close: int) -> int:
    if feature.memory == "session":
        return (ts_close - 1) // DAY * DAY
    return ts_close - feature.memory * TIMEFRAME_NS[timeframe]


class FeatureSet:
    """The indicators of one instrument and timeframe."""

    __slots__ = ("_atr", "_cvd", "_ema_20", "_ema_50", "_ofi", "_ofi_known", "_rsi", "_tfi", "_vwap")

    def __init__(self) -> None:
        self._ema_20, self._ema_50 = ExponentialMovingAverage(20), ExponentialMovingAverage(50)
        self._rsi, self._atr = RelativeStrengthIndex(14), AverageTrueRange(14)
        self._vwap, self._cvd = SessionVwap(), CumulativeVolumeDelta()
        self._tfi: float | None = None
        self._ofi = 0.0
        self._ofi_known = False

    def add_flow(self, ofi: float | None) -> None:
        """Add the order-flow imbalance of a one-minute part of the bar."""
        if ofi is not None:
            self._ofi += ofi
            self._ofi_known = True

    def update(self, bar: OpenBar) -> None:
        """Take a closed bar of revision 0."""
        self._ema_20.update(bar.close)
        self._ema_50.update(bar.close)
        self._rsi.update(bar.close)
        self._atr.update(bar.high, bar.low, bar.close)
        self._vwap.update(bar.ts_open, bar.notional, bar.volume)
        sided, delta = bar.buy_volume + bar.sell_volume, bar.buy_volume - bar.sell_volume
        self._tfi = delta / sided if sided > 0 else None
        self._cvd.update(bar.ts_open, delta if sided > 0 or not bar.volume else None)

    def take(self, moment: Moment) -> dict[str, float | None]:
        """The vector at a close, in the catalogue's order; what is summed over the bar begins anew."""
        ofi = self._ofi if self._ofi_known else None
        self._ofi, self._ofi_known = 0.0, False
        return {
            "spread": moment.spread,
            "spread_bps": moment.spread_bps,
            "microprice": moment.microprice,
            "microprice_bps": moment.microprice_bps,
            "obi_1": moment.obi_1,
            "obi_5": moment.obi_5,
            "obi_10": moment.obi_10,
            "obi_20": moment.obi_20,
            "ofi": ofi,
            "tfi": self._tfi,
            "ema_20": self._ema_20.value,
            "ema_50": self._ema_50.value,
            "rsi_14": self._rsi.value,
            "atr_14": self._atr.value,
            "vwap": self._vwap.value,
            "cvd": self._cvd.value,
            "funding_rate": moment.funding_rate,
            "basis_bps": moment.basis_bps,
        }

    def state(self) -> list[Any]:
        """Plain data for recovery."""
        parts = [part.state() for part in self._parts()]
        return [SCHEMA_HASH, parts, self._tfi, self._ofi, self._ofi_known]

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again.

        Raises:
            StateError: taken with another catalogue or version.
        """
        schema_hash, parts, self._tfi, self._ofi, self._ofi_known = state
        if schema_hash != SCHEMA_HASH:
            raise StateError(f"feature state has schema {schema_hash}, this program's catalogue is {SCHEMA_HASH}")
        for part, saved in zip(self._parts(), parts, strict=True):
            part.restore(saved)

    def _parts(self) -> tuple[Slotted, ...]:
        return (self._ema_20, self._ema_50, self._rsi, self._atr, self._vwap, self._cvd)
