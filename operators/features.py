"""The feature catalogue and the one place where a vector is computed, live, in replay and for training alike."""

from collections.abc import Iterator
from hashlib import sha256
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final

import msgspec

from operators import indicators, moments
from operators.bars import OpenBar
from operators.errors import StateError
from operators.feature import Close, Feature, Measure, Moment
from schemas.layouts import REBUILD
from schemas.time import TIMEFRAME_NS, Timeframe

__all__ = ["CATALOGUE", "NAMES", "SCHEMA_HASH", "FeatureSet"]


def _measures() -> Iterator[Measure]:
    """Those of the moment, then those of each file of `operators.indicators` by its name."""
    yield from moments.MEASURES
    for module in sorted(module.name for module in iter_modules(indicators.__path__)):
        yield from getattr(import_module(f"{indicators.__name__}.{module}"), "MEASURES", ())


_MEASURES: Final[tuple[Measure, ...]] = tuple(_measures())

CATALOGUE: Final[tuple[Feature, ...]] = tuple(feature for measure in _MEASURES for feature in measure.features)

NAMES: Final = tuple(feature.name for feature in CATALOGUE)

SCHEMA_HASH: Final = sha256(
    "\n".join(f"{f.name}|{f.unit}|{f.formula}|{','.join(f.inputs)}|{f.memory}" for f in CATALOGUE).encode()
).hexdigest()[:16]
"""Changes whenever a vector means something else."""


class FeatureSet:
    """All measures of one instrument and timeframe."""

    __slots__ = ("_blank", "_length", "_measures", "_ofi", "_packed")

    def __init__(self, timeframe: Timeframe) -> None:
        self._length = TIMEFRAME_NS[timeframe]
        self._measures = [(measure.step, measure.make()) for measure in _MEASURES]
        self._blank = [at for at, feature in enumerate(CATALOGUE) if timeframe not in feature.timeframes]
        self._ofi: float | None = None
        self._packed: msgspec.Raw | None = None

    def add_flow(self, ofi: float | None) -> None:
        """Add the order-flow imbalance of a one-minute part of the bar."""
        if ofi is not None:
            self._ofi = ofi if self._ofi is None else self._ofi + ofi

    def skip(self) -> None:
        """The bar is not known: what was summed over it begins anew."""
        self._ofi = None

    def update(self, bar: OpenBar, moment: Moment) -> dict[str, float | None]:
        """Take a closed bar of revision 0 and what is known at its moment of decision; the vector at this close."""
        close = Close(bar, moment, self._ofi, bar.ts_open + self._length)
        self._ofi = self._packed = None
        values: list[float | None] = []
        for step, state in self._measures:
            found = step(state, close)
            if isinstance(found, tuple):
                values += found
            else:
                values.append(found)
        for at in self._blank:
            values[at] = None
        return dict(zip(NAMES, values, strict=True))

    def state(self) -> list[Any]:
        """Plain data for recovery; measures are packed once a close, however often they are asked for."""
        if self._packed is None:
            self._packed = msgspec.Raw(msgspec.msgpack.encode([state.state() for _, state in self._measures]))
        return [SCHEMA_HASH, self._packed, self._ofi]

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again.

        Raises:
            StateError: taken with another catalogue or version.
        """
        schema_hash, parts, self._ofi = state
        self._packed = None
        if schema_hash != SCHEMA_HASH:
            raise StateError(
                f"feature state has schema {schema_hash}, this program's catalogue is {SCHEMA_HASH}: {REBUILD}"
            )
        for (_, measure), saved in zip(self._measures, parts, strict=True):
            measure.restore(saved)
