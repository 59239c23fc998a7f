"""The feature catalogue and the one place where a vector is computed, live, in replay and for training alike."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final
from zlib import compress, decompress

import msgspec

from operators import flow, indicators, moments
from operators.bars import OpenBar
from operators.errors import StateError
from operators.feature import Close, Feature, Measure, Moment, Step, hash_of
from operators.flow.part import Flow
from operators.flow.recorder import add_flow, restored_flow
from operators.native import asking
from operators.native.twins import compiled
from operators.state import Slotted
from schemas.layouts import REBUILD
from schemas.time import TIMEFRAME_NS, Timeframe

__all__ = ["CATALOGUE", "NAMES", "SCHEMA_HASH", "FeatureSet", "asked"]


def _measures() -> Iterator[Measure]:
    """Those of the moment, then those of each file of `operators.flow` and of `operators.indicators` by its name."""
    yield from moments.MEASURES
    for package in (flow, indicators):
        for module in sorted(module.name for module in iter_modules(package.__path__)):
            yield from getattr(import_module(f"{package.__name__}.{module}"), "MEASURES", ())


_MEASURES: Final[tuple[Measure, ...]] = tuple(_measures())

CATALOGUE: Final[tuple[Feature, ...]] = tuple(feature for measure in _MEASURES for feature in measure.features)

NAMES: Final = tuple(feature.name for feature in CATALOGUE)

SCHEMA_HASH: Final = hash_of(CATALOGUE)
"""Changes whenever a vector means something else."""


def asked(
    measures: Sequence[tuple[Step, Slotted]], close: Close, names: Sequence[str], blank: Sequence[str]
) -> dict[str, float | None]:
    """What ``measures`` tell of a close, under their ``names``; those in ``blank`` tell nothing."""
    values: list[float | None] = []
    for step, state in measures:
        found = step(state, close)
        if isinstance(found, tuple):
            values += found
        else:
            values.append(found)
    told = dict(zip(names, values, strict=True))
    for name in blank:
        told[name] = None
    return told


class FeatureSet:
    """All measures of one instrument and timeframe.

    ``native``: what is compiled, where it is.
    """

    __slots__ = ("_asked", "_blank", "_length", "_measures", "_packed", "flow")

    def __init__(self, timeframe: Timeframe, *, native: bool = True) -> None:
        self._length = TIMEFRAME_NS[timeframe]
        self._measures = [
            (measure.step, compiled(measure.make()) if native else measure.make()) for measure in _MEASURES
        ]
        self._blank = tuple(feature.name for feature in CATALOGUE if timeframe not in feature.timeframes)
        self._asked = asking(native=native) or asked
        self.flow: Flow = {}
        """What happened in the bar so far."""
        self._packed: bytes | None = None

    def add_flow(self, part: Flow) -> None:
        """Add what happened in a part of the bar."""
        add_flow(self.flow, part)

    def skip(self) -> None:
        """The bar is not known: what was summed over it begins anew."""
        self.flow = {}

    def update(
        self, bar: OpenBar, moment: Moment, shorter: Mapping[str, float | None] | None = None
    ) -> dict[str, float | None]:
        """Take a closed bar of revision 0 and what is known at its moment of decision; the vector at this close.

        ``shorter`` is that of the next shorter timeframe at the same close.
        """
        close = Close(bar, moment, self.flow, bar.ts_open + self._length, shorter)
        self.flow, self._packed = {}, None
        return self._asked(self._measures, close, NAMES, self._blank)

    def state(self) -> list[Any]:
        """Plain data for recovery; measures are packed once a close, however often they are asked for."""
        if self._packed is None:  # windows hold much the same prices: half of it
            self._packed = compress(msgspec.msgpack.encode([state.state() for _, state in self._measures]), 1)
        return [SCHEMA_HASH, self._packed, self.flow]

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again.

        Raises:
            StateError: taken with another catalogue or version.
        """
        schema_hash, parts, summed = state
        self._packed = None
        if schema_hash != SCHEMA_HASH:
            raise StateError(
                f"feature state has schema {schema_hash}, this program's catalogue is {SCHEMA_HASH}: {REBUILD}"
            )
        self.flow = restored_flow(summed)
        for (_, measure), saved in zip(self._measures, msgspec.msgpack.decode(decompress(parts)), strict=True):
            measure.restore(saved)
