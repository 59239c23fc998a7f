"""The engine as one dataflow; live trading, replay and the building of training sets differ in its ends only."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from flows.settings import Settings
from models.costs import Costs
from models.registry import Registry
from operators.closed import Told
from operators.config import DeskConfig, InstrumentConfig, MarketConfig, ModelsConfig, RiskConfig, StrategyConfig
from operators.steps import Happened, Lanes, decide, judge
from schemas.batches import Batch, Rejected
from schemas.time import DAY, SECOND
from schemas.topics import Outgoing

__all__ = ["FLOW", "costs", "desk_config", "desk_flow", "engine_flow", "instrument_config", "registry"]

FLOW: Final = "candlewick"
"""In the name of every step, and so part of the recovery state: it never changes."""


def engine_flow(
    settings: Settings,
    log: Source[tuple[str, Batch | Rejected]],
    features: Sink[tuple[str, Outgoing]],
    signals: Sink[tuple[str, Outgoing]],
    watch: Callable[[Told], None] | None = None,
    late: Mapping[int, int] | None = None,
) -> Dataflow:
    """From a log to the two lanes of results; ``watch`` sees what the desk is told, ``late`` is of `decide`."""
    flow = Dataflow(FLOW)
    batches = op.input("log", flow, log)
    lanes = decide(batches, instrument_config(settings), desk_config(settings), registry(settings), late)
    _write(lanes, features, signals)
    if watch is not None:
        op.inspect("watch", lanes.closes, lambda _, item: watch(item[1]))
    return flow


def desk_flow(
    settings: Settings,
    happened: Source[tuple[str, Happened]],
    features: Sink[tuple[str, Outgoing]],
    signals: Sink[tuple[str, Outgoing]],
) -> Dataflow:
    """The second half of `engine_flow`, from what happened to the instruments to the two lanes of results."""
    flow = Dataflow(FLOW)
    lanes = judge(op.input("log", flow, happened), desk_config(settings), registry(settings))
    _write(lanes, features, signals)
    return flow


def _write(lanes: Lanes, features: Sink[tuple[str, Outgoing]], signals: Sink[tuple[str, Outgoing]]) -> None:
    op.output("signals", lanes.signals, signals)  # first: a signal does not wait until the broker has taken the rest
    op.output("features", lanes.features, features)


def instrument_config(settings: Settings) -> InstrumentConfig:
    """What the per-instrument step is told."""
    engine = settings.engine
    return InstrumentConfig(
        timeframes=engine.timeframes,
        allowed_lateness=engine.allowed_lateness,
        heartbeat_timeout=round(engine.heartbeat_timeout_s * SECOND),
        future_tolerance=round(engine.future_tolerance_s * SECOND),
        member_timeout=round(engine.member_timeout_s * SECOND),
        book_sample=round(engine.book_sample_s * SECOND),
        book_depth=engine.book_depth,
        native=engine.native,
        half_spread=settings.costs.half_spread_bps / 1e4,
    )


def costs(settings: Settings) -> Costs:
    """What labels and outcomes are charged.

    Raises:
        ModelError: tiers of fees that do not begin at 0 and rise.
    """
    told = settings.costs
    return Costs(
        taker_fees=tuple((start, fee / 1e4) for start, fee in told.taker_fees),
        traded=told.traded,
        slippage=told.slippage_bps / 1e4,
        slippage_notional=told.slippage_notional,
        notional=told.notional,
        half_spread=told.half_spread_bps / 1e4,
        latency=round(told.latency_s * SECOND),
    )


def desk_config(settings: Settings) -> DeskConfig:
    """What the desk is told."""
    strategy: dict[str, Any] = settings.strategy.model_dump()
    return DeskConfig(
        strategy=StrategyConfig(**strategy),
        risk=RiskConfig(**settings.risk.model_dump()),
        market=MarketConfig(
            **settings.market.model_dump(exclude={"metric_life_days"}),
            metric_life=round(settings.market.metric_life_days * DAY),
        ),
        models=ModelsConfig(**settings.models.model_dump(exclude={"dir"}), costs=costs(settings)),
        max_waiting=settings.engine.max_waiting,
    )


def registry(settings: Settings) -> Registry:
    """Where the desk finds models."""
    return Registry(settings.models.dir)
