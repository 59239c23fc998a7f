"""The deciding step's pure class: from complete closes to candidates and published signals."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from models.drift import PART
from models.registry import Registry
from operators.closed import Reading, Told
from operators.config import DeskConfig
from operators.desk.barrier import Barrier, Passed
from operators.desk.confluence import NAME, USED, VERSION, Opinion, judge, version_of
from operators.desk.context import Contexts
from operators.desk.everyday import by_part
from operators.desk.external import External
from operators.desk.regime import sized
from operators.desk.risk import plan, scaled, vetoes
from operators.desk.serving import Serving, Verdict
from operators.errors import OperatorError
from operators.outbox import entry, outgoing
from schemas.identifiers import derive
from schemas.layouts import Layout, Migration
from schemas.market import Activation, InstrumentDefinition
from schemas.results import Context, Vector
from schemas.signals import Signal
from schemas.time import DAY, TIMEFRAME_NS, to_text
from schemas.topics import Outgoing

__all__ = ["READ", "Desk"]

READ: Final = (*USED, "realised_volatility_20", "return_1", "return_20")
"""The features of vectors that are read where no model is asked and none learns."""


def _of_ensemble(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Migration:
    """What ``change`` gives goes into the plain data of the ensemble, where something was learnt."""

    def migrate(state: dict[str, Any]) -> dict[str, Any]:
        before, learnt, behind = state["serving"][:3], state["serving"][3], state["serving"][4:]
        if learnt is None:
            return state
        ensemble = learnt["ensemble"] | change(learnt["ensemble"])
        return state | {"serving": [*before, learnt | {"ensemble": ensemble}, *behind]}

    return migrate


def _with_line(ensemble: dict[str, Any]) -> dict[str, Any]:
    """Slope and intercept as those of its line, which goes on from there."""
    return {"line": [ensemble["slope"], ensemble["intercept"], len(ensemble["pairs"])]}


def _alike(ensemble: dict[str, Any]) -> dict[str, Any]:
    """All members as good as each other: sums of losses of different outcomes say nothing of them."""
    return {"members": {name: [0.0, count] for name, (_, count) in ensemble["members"].items()}}


def _undecided_yet(state: dict[str, Any]) -> dict[str, Any]:
    """What waits is decided when it counts, and no longer when it comes."""
    active, waiting, *behind = state["serving"]
    return state | {"serving": [active, [waits[:3] for waits in waiting], *behind]}


def _by_part(state: dict[str, Any]) -> dict[str, Any]:
    """The day that was counted is a part of the next window."""
    *before, (windows, quiet_until, days, today), shadows = state["serving"]
    watched = [windows, quiet_until, by_part(days), today * DAY // PART]
    return state | {"serving": [*before, watched, shadows]}


def _followed_apart(state: dict[str, Any]) -> dict[str, Any]:
    """What becomes of candidates is followed whether or not anybody learns; labels counted for drift begin anew."""
    *before, learnt, watched, shadows = state["serving"]
    if learnt is None:
        return state | {"serving": [*before, None, watched, shadows, None]}
    kept = {name: learnt[name] for name in ("learner", "ensemble")}
    followed = [learnt["following"], learnt["funding"]]
    return state | {"serving": [*before, kept, watched, shadows, followed]}


_LAYOUT: Final = Layout(
    "desk", 17, {
        2: lambda state: state | {"contexts": {}},
        3: lambda state: state | {"external": {"life": 0}},
        4: lambda state: state | {"serving": [{}, [], 0]},
        5: lambda state: state | {"serving": [*state["serving"], None]},
        6: lambda state: state | {"serving": [*state["serving"][:3], None, [{}, 0]]},
        7: lambda state: state | {"serving": [*state["serving"], {}]},
        8: lambda state: state | {
            "serving": [*state["serving"][:4], [*state["serving"][4], [], 0], *state["serving"][5:]],
        },
        9: lambda state: state,  # the learner keeps outcomes, and does without
        10: _of_ensemble(_with_line),
        11: _of_ensemble(_alike),
        12: _undecided_yet,
        13: lambda state: state,  # the barrier tells when closes could be decided, from the next one on
        14: _by_part,
        15: _followed_apart,
        16: _of_ensemble(lambda ensemble: {"line": ensemble["line"][:3]}),  # its curvature is summed up otherwise
    },
)  # fmt: skip
_NAMED: Final = 10
"""Instruments, in the words of an error."""


class _State(Struct, kw_only=True):
    barrier: Barrier
    quiet_until: dict[str, int]
    contexts: dict[str, Any]
    external: External
    serving: list[Any]


class Desk:
    """Decides close by close, within one by timeframe and then instrument, whatever order things arrived in."""

    def __init__(self, config: DeskConfig, registry: Registry | None = None) -> None:
        self.config = config
        self.barrier = Barrier()
        self.contexts = Contexts(config.market)
        self._strategy_version = version_of(config.strategy)
        self.serving = Serving(config, registry)
        self._quiet_until: dict[str, int] = {}  # instrument, timeframe and status to the end of its cool-down

    def on_batch(self, records: Sequence[Told]) -> list[Outgoing]:
        """Take what the instruments and the control key told; contexts and signals of all closes that became complete.

        Before them, the ledger's records of closes that are not decided, as their instruments are no members.

        Raises:
            OperatorError: more waits than there is room for; names whom the desk waits for.
            ModelAway: a version that counts from a close on is not in the registry.
        """
        for record in records:
            if not isinstance(record, Reading):
                self.barrier.add(record)
            elif isinstance(record.record, Activation):
                self.serving.add(record.known, record.record)
            else:
                self.contexts.external.add(record.known, record.record)
        out: list[Outgoing] = []
        for ts_close, ts_decided, closed in self.barrier.ready():
            out += [outgoing(e, key=e.model, identifier=e.id, ts=ts_close) for e in self.serving.move(ts_close)]
            for vector, context, member in self.contexts.update(ts_close, ts_decided, closed):
                out.append(outgoing(context, key=context.instrument_id, identifier=context.id, ts=context.ts_decided))
                if vector.timeframe in self.config.strategy.timeframes:
                    self.serving.see(vector, context)
                    out += self._consider(vector, context, member.definition)
            self.serving.learn(ts_close, closed)
            drifts = self.serving.drifts(ts_close)
            out += [outgoing(d, key=d.instrument_id, identifier=d.id, ts=ts_close) for d in drifts]
        passed, self.barrier.passed = self.barrier.passed, []
        self._check_room()
        return [*map(_undecided, passed), *out]

    def _check_room(self) -> None:
        lacking = self.barrier.lacking() if self.barrier.count > self.config.max_waiting else None
        if lacking is None:
            return
        ts_close, keys = lacking
        more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
        raise OperatorError(
            f"the desk waits for {', '.join(keys[:_NAMED])}{more} since the close {to_text(ts_close)}, and "
            f"{self.barrier.count} closes of others are more than max_waiting = {self.config.max_waiting}: let its "
            "ingester write heartbeats (connected=false if it listens no longer) or a membership without it"
        )

    def _consider(self, vector: Vector, context: Context, definition: InstrumentDefinition | None) -> list[Outgoing]:
        opinion = judge(vector, self.config.strategy)
        candidate = None if opinion is None else self._candidate(_within(vector, context), opinion, definition)
        if candidate is None or self._quiet(candidate[0]):
            return []
        signal, verdict = candidate
        self.serving.follow(signal, definition, verdict)
        out = [_address(signal, "signals.candidates")]
        if signal.status == "candidate":
            out.append(_address(msgspec.structs.replace(signal, status="published"), "signals.published"))
        return out

    def _quiet(self, signal: Signal) -> bool:
        """Whether something like ``signal`` was said a short while ago; if not, it is from now on.

        A vetoed candidate only keeps others quiet that would be vetoed too.
        """
        slot = f"{signal.instrument_id} {signal.timeframe} "
        until = self._quiet_until
        if any(signal.ts_event < until.get(slot + status, 0) for status in {"candidate", signal.status}):
            return True
        until[slot + signal.status] = (
            signal.ts_event + self.config.strategy.cooldown_bars * TIMEFRAME_NS[signal.timeframe]
        )
        return False

    def _candidate(
        self, vector: Vector, opinion: Opinion, definition: InstrumentDefinition | None
    ) -> tuple[Signal, Verdict] | None:
        strategy, risk = self.config.strategy, self.config.risk
        atr = vector.features["atr_14"]
        if not atr or vector.bid is None or vector.ask is None:
            return None  # nothing to price it with
        prices = plan(opinion, vector.bid, vector.ask, atr, definition, strategy, risk)
        reasons = vetoes(vector, opinion, prices, definition, risk)
        verdict = self.serving.judge(vector, opinion, reward=prices.risk_reward, explain=not reasons)
        reasons += verdict.vetoes
        share = verdict.size * sized(risk.regime_sizes, vector.features)
        size = prices.size if share == 1.0 else scaled(prices.size, share, definition)
        if size == 0 and prices.size and verdict.size:  # which is 0 where models disagree, and that is told
            reasons = [*reasons, f"{share:.0%} of its size, by models and regime, is not a lot"]
        length = TIMEFRAME_NS[vector.timeframe]
        signal = Signal(
            id=derive("signal", vector.instrument_id, vector.timeframe, vector.ts_close, NAME, VERSION),
            instrument_id=vector.instrument_id,
            timeframe=vector.timeframe,
            strategy=NAME,
            strategy_version=self._strategy_version,
            direction=opinion.direction,
            confidence=verdict.confidence,
            calibrated=verdict.calibrated,
            horizon=strategy.horizon_bars * length,
            entry_low=prices.entry_low,
            entry_high=prices.entry_high,
            stop=prices.stop,
            targets=prices.targets,
            risk_reward=prices.risk_reward,
            size=size,
            ts_event=vector.ts_close,
            ts_decided=vector.ts_decided,
            expiry=vector.ts_close + strategy.entry_bars * length,
            key_factors=opinion.factors,
            explanation=f"{_words(vector, opinion)}{verdict.words}",
            models=verdict.models,
            schema_hash=vector.schema_hash,
            quality=_quality(vector),
            bid=vector.bid,
            ask=vector.ask,
            status="vetoed" if reasons else "candidate",
            vetoes=reasons,
        )
        return signal, verdict

    def state(self) -> bytes:
        """The whole state, sealed."""
        self.barrier.pack()
        return _LAYOUT.seal(
            _State(
                barrier=self.barrier, quiet_until=self._quiet_until, contexts=self.contexts.state(),
                external=self.contexts.external, serving=self.serving.state(),
            )
        )  # fmt: skip

    @classmethod
    def restored(cls, packed: bytes, config: DeskConfig, registry: Registry | None = None) -> "Desk":
        """The desk whose `state` this is.

        Raises:
            LayoutError: damaged, or of a version from which no way leads here.
            ModelAway: a model that served is not in ``registry`` any more.
            StateError: it is not as it was.
        """
        state = msgspec.convert(_LAYOUT.unseal(packed), _State)
        self = cls(config, registry)
        self.barrier, self._quiet_until = state.barrier, state.quiet_until
        self.contexts.restore(state.contexts, state.external)
        self.serving.restore(state.serving)
        return self


def _within(vector: Vector, context: Context) -> Vector:
    """``vector`` with its context: what prices, risk and models see, and nobody before both were known."""
    return msgspec.structs.replace(
        vector, features=vector.features | context.features, tainted=vector.tainted | context.tainted,
        ts_decided=context.ts_decided,
    )  # fmt: skip


def _quality(vector: Vector) -> list[str]:
    modelled = ["bid and ask are modelled, no book is known"] if vector.features["spread_bps"] is None else []
    return sorted({*vector.tainted.values(), *modelled})


def _address(signal: Signal, topic: str) -> Outgoing:
    return outgoing(signal, topic=topic, key=signal.instrument_id, identifier=signal.id, ts=signal.ts_decided)


def _undecided(passed: Passed) -> Outgoing:
    detail = "a member of the desk again" if passed.over else "no member of the desk"
    return entry(
        passed.instrument_id, "undecided", passed.first, passed.last, passed.ts_decided,
        count=passed.count, detail=detail,
    )  # fmt: skip


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
