"""The deciding step's pure class: from complete closes to candidates and published signals."""

from typing import Final

import msgspec
from msgspec import Struct

from operators.closed import Closed, Standing
from operators.config import DeskConfig
from operators.desk.barrier import Barrier
from operators.desk.confluence import NAME, VERSION, Opinion, judge
from operators.desk.risk import plan, vetoes
from operators.errors import StateError
from operators.outbox import outgoing
from schemas.identifiers import derive
from schemas.market import InstrumentDefinition
from schemas.results import Vector
from schemas.signals import Signal
from schemas.time import TIMEFRAME_NS, TIMEFRAMES, Timeframe
from schemas.topics import Outgoing

__all__ = ["Desk"]

_VERSION: Final = 1


class _State(Struct, kw_only=True):
    version: int = _VERSION
    barrier: Barrier
    quiet_until: dict[str, int]


class Desk:
    """Decides close by close, within one by timeframe and then instrument, whatever order things arrived in."""

    def __init__(self, config: DeskConfig) -> None:
        self.config = config
        self.barrier = Barrier()
        self._quiet_until: dict[str, int] = {}  # instrument and timeframe to the end of its cool-down

    def on_batch(self, records: list[Closed | Standing]) -> list[Outgoing]:
        """Take what the instruments and the control key told; the signals of all closes that became complete."""
        for record in records:
            self.barrier.add(record)
        out: list[Outgoing] = []
        for _, closed in self.barrier.ready():
            for timeframe in TIMEFRAMES:
                for member in closed:
                    out += self._consider(member, timeframe)
        return out

    def _consider(self, member: Closed, timeframe: Timeframe) -> list[Outgoing]:
        strategy = self.config.strategy
        if timeframe not in strategy.timeframes:
            return []
        for record in member.records:
            if record.timeframe == timeframe and isinstance(record, Vector):
                slot = f"{record.instrument_id} {timeframe}"
                if record.ts_close < self._quiet_until.get(slot, 0):
                    return []
                signal = self._candidate(record, member.definition)
                if signal is None:
                    return []
                self._quiet_until[slot] = record.ts_close + strategy.cooldown_bars * TIMEFRAME_NS[timeframe]
                return self._messages(signal)
        return []

    def _candidate(self, vector: Vector, definition: InstrumentDefinition | None) -> Signal | None:
        strategy, risk = self.config.strategy, self.config.risk
        opinion = judge(vector, strategy)
        atr = vector.features["atr_14"]
        if opinion is None or not atr or vector.bid is None or vector.ask is None:
            return None  # nothing to say, or nothing to price it with
        reasons = vetoes(vector, opinion, risk)
        prices = plan(opinion, vector.bid, vector.ask, atr, definition, strategy, risk)
        length = TIMEFRAME_NS[vector.timeframe]
        return Signal(
            id=derive("signal", vector.instrument_id, vector.timeframe, vector.ts_close, NAME, VERSION),
            instrument_id=vector.instrument_id,
            timeframe=vector.timeframe,
            strategy=NAME,
            strategy_version=VERSION,
            direction=opinion.direction,
            confidence=min(1.0, 0.5 + abs(opinion.score) / 2),
            calibrated=False,
            horizon=strategy.horizon_bars * length,
            entry_low=prices.entry_low,
            entry_high=prices.entry_high,
            stop=prices.stop,
            targets=prices.targets,
            risk_reward=prices.risk_reward,
            size=prices.size,
            ts_event=vector.ts_close,
            ts_decided=vector.ts_decided,
            expiry=vector.ts_close + strategy.entry_bars * length,
            key_factors=opinion.factors,
            explanation=_words(vector, opinion),
            models=[],
            schema_hash=vector.schema_hash,
            quality=sorted(set(vector.tainted.values())),
            bid=vector.bid,
            ask=vector.ask,
            status="vetoed" if reasons else "candidate",
            vetoes=reasons,
        )

    def _messages(self, signal: Signal) -> list[Outgoing]:
        out = [_address(signal, "signals.candidates")]
        if signal.status == "candidate":
            out.append(_address(msgspec.structs.replace(signal, status="published"), "signals.published"))
        return out

    def state(self) -> bytes:
        """The whole state, packed."""
        return msgspec.msgpack.encode(_State(barrier=self.barrier, quiet_until=self._quiet_until))

    @classmethod
    def restored(cls, packed: bytes, config: DeskConfig) -> "Desk":
        """The desk whose `state` this is.

        Raises:
            StateError: of another version.
        """
        version = msgspec.msgpack.decode(packed).get("version")
        if version != _VERSION:
            raise StateError(f"desk state has version {version}, this program reads {_VERSION}")
        state = msgspec.msgpack.decode(packed, type=_State)
        self = cls(config)
        self.barrier, self._quiet_until = state.barrier, state.quiet_until
        return self


def _address(signal: Signal, topic: str) -> Outgoing:
    return outgoing(signal, topic=topic, key=signal.instrument_id, identifier=signal.id, ts=signal.ts_decided)


def _words(vector: Vector, opinion: Opinion) -> str:
    agreeing = [factor.words for factor in opinion.factors if factor.contribution > 0]
    against = [factor.words for factor in opinion.factors if factor.contribution < 0]
    asked = len(opinion.factors) + len(opinion.unknown)
    text = f"{opinion.direction.capitalize()} on {vector.timeframe}: {len(agreeing)} of {asked} factors agree "
    text += f"(score {opinion.score:+.2f}): {'; '.join(agreeing)}"
    if against:
        text += f". Against it: {'; '.join(against)}"
    if opinion.unknown:
        text += f". Not known: {', '.join(opinion.unknown)}"
    return text + "."
