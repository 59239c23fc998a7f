"""What surrounds an instrument at a close, and only the desk knows: the context of its vector."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from operators.closed import Closed
from operators.config import MarketConfig
from operators.desk import cross_entries, external, regime
from operators.desk.cross_section import CrossSection
from operators.desk.external import External
from operators.feature import hash_of
from schemas.identifiers import derive
from schemas.results import Context, Vector
from schemas.time import TIMEFRAME_NS, TIMEFRAMES, Timeframe

__all__ = ["CONTEXT", "CONTEXT_HASH", "Contexts"]

CONTEXT: Final = (*cross_entries.FEATURES, *external.FEATURES, *regime.FEATURES)
"""The catalogue of a context, in its order."""
CONTEXT_HASH: Final = hash_of(CONTEXT)
_NAMES: Final = tuple(feature.name for feature in CONTEXT)


class Contexts:
    """Makes the context of every vector, complete close by complete close."""

    __slots__ = ("_sections", "external")

    def __init__(self, market: MarketConfig) -> None:
        self.external = External(life=market.metric_life)
        self._sections = {name: CrossSection(TIMEFRAME_NS[name], market) for name in TIMEFRAMES}

    def update(
        self, ts_close: int, ts_decided: int, closed: Sequence[Closed]
    ) -> Iterable[tuple[Vector, Context, Closed]]:
        """Take all members' records of a close, which can be decided at ``ts_decided`` (ns); each vector with its
        context, by timeframe and instrument.
        """
        self.external.move(ts_close)
        vectors: dict[Timeframe, dict[str, tuple[Vector, Closed]]] = {}
        for member in closed:
            for said in member.records:
                if isinstance(said, Vector):
                    vectors.setdefault(said.timeframe, {})[said.instrument_id] = said, member
        for timeframe, section in self._sections.items():
            if timeframe in vectors:
                told = vectors[timeframe]
                absent = [member.instrument_id for member in closed if member.instrument_id not in told]
                yield from self._of(timeframe, section, (ts_close, ts_decided), told, absent)

    def _of(
        self,
        timeframe: Timeframe,
        section: CrossSection,
        at: tuple[int, int],
        told: dict[str, tuple[Vector, Closed]],
        absent: list[str],
    ) -> Iterable[tuple[Vector, Context, Closed]]:
        ts_close, ts_decided = at
        vectors = (vector for vector, _ in told.values())
        regimes = self.external.regimes
        regimes.forget(timeframe, {*told, *absent})
        for name, (values, tainted) in section.update(ts_close, vectors, absent).items():
            vector, member = told[name]
            features = (*values, *self.external.values(name, ts_close), *regimes.values(vector))
            context = Context(
                id=derive("context", name, timeframe, ts_close), instrument_id=name, timeframe=timeframe,
                ts_close=ts_close, ts_decided=ts_decided, schema_hash=CONTEXT_HASH,
                features=dict(zip(_NAMES, features, strict=True)), tainted=tainted,
            )  # fmt: skip
            yield vector, context, member

    def state(self) -> dict[str, Any]:
        """Plain data for recovery."""
        return {name: section.state() for name, section in self._sections.items()}

    def restore(self, state: dict[str, Any], external: External) -> None:
        """Take up ``state`` again."""
        external.life = self.external.life
        self.external = external
        for name, section in self._sections.items():
            if name in state:
                section.restore(state[name])
