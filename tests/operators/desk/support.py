"""What the desk is told, as a test writes it."""

from random import Random
from typing import Any

import msgspec

from operators.closed import Closed, Standing
from operators.config import DeskConfig
from operators.desk.desk import Desk
from operators.features import CATALOGUE, SCHEMA_HASH
from schemas.identifiers import derive
from schemas.market import InstrumentDefinition
from schemas.results import Absence, Bar, Vector
from schemas.signals import Signal
from schemas.time import Timeframe
from schemas.topics import Outgoing
from tests.operators.support import DELAY, ID, ns

RISING: dict[str, float | None] = {
    "ema_20": 102.0, "ema_50": 100.0, "atr_14": 2.0, "rsi_14": 70.0, "tfi": 0.5, "obi_10": 0.4,
    "microprice": 100.02, "microprice_bps": 0.5, "spread": 0.01, "spread_bps": 1.0,
}  # fmt: skip
FALLING: dict[str, float | None] = {
    **RISING, "ema_20": 98.0, "rsi_14": 30.0, "tfi": -0.5, "obi_10": -0.4, "microprice_bps": -0.5,
}  # fmt: skip
CALM: dict[str, float | None] = {**RISING, "ema_20": 100.0, "rsi_14": 50.0, "tfi": 0.0, "obi_10": 0.0}


def vector(
    minute: int, features: dict[str, float | None] = RISING, *, instrument_id: str = ID, timeframe: Timeframe = "1m",
    bid: float | None = 100.0, ask: float | None = 100.1,
    tainted: dict[str, str] | None = None,
) -> Vector:  # fmt: skip
    """The vector at the close of that minute; features not given are not known."""
    names = [feature.name for feature in CATALOGUE]
    assert set(features) <= set(names)
    return Vector(
        id=derive("vector", instrument_id, timeframe, ns(60 * minute)), instrument_id=instrument_id,
        timeframe=timeframe, ts_close=ns(60 * minute), ts_decided=ns(60 * minute + 2.5) + DELAY,
        schema_hash=SCHEMA_HASH, features={name: features.get(name) for name in names}, tainted=tainted or {}, bid=bid,
        ask=ask,
    )  # fmt: skip


def absence(minute: int, instrument_id: str = ID, timeframe: Timeframe = "1m") -> Absence:
    return Absence(
        id=derive("vector", instrument_id, timeframe, ns(60 * minute)), instrument_id=instrument_id,
        timeframe=timeframe, ts_close=ns(60 * minute), ts_decided=ns(60 * minute + 2.5), reason="a test",
    )  # fmt: skip


def definition(instrument_id: str = ID, **more: Any) -> InstrumentDefinition:
    return InstrumentDefinition(
        instrument_id=instrument_id, ts_event=ns(0), ts_received=ns(0), kind="perpetual", base="BTC", quote="USDT",
        **{"tick_size": 0.1, "lot_size": 0.001, **more},
    )  # fmt: skip


def closed(*records: Vector | Absence, known: InstrumentDefinition | None = None, bar: Bar | None = None) -> Closed:
    return Closed(records[0].instrument_id, records[0].ts_close, list(records), known, bar)


def standing(minute: int, *members: str) -> Standing:
    """The members at the closes up to that minute."""
    return Standing(ns(60 * minute), members)


def signals(out: list[Outgoing], topic: str = "signals.candidates") -> list[Signal]:
    found = [msgspec.json.decode(sent.value, type=Signal) for sent in out if sent.topic == topic]
    assert [sent.id for sent in out if sent.topic == topic] == [signal.id for signal in found]
    return found


def decided(*records: Closed | Standing, config: DeskConfig | None = None) -> list[Outgoing]:
    """What a desk whose only member is `ID` makes of ``records``."""
    desk = Desk(config or DeskConfig())
    return desk.on_batch([standing(1_000_000, ID), *records])


def interleaved(streams: dict[str, list[Closed | Standing]], random: Random) -> list[Closed | Standing]:
    """Any order that keeps each stream's own."""
    queues = [list(stream) for stream in streams.values()]
    out: list[Closed | Standing] = []
    while queues := [queue for queue in queues if queue]:
        out.append(random.choice(queues).pop(0))
    return out


def older(state: dict[str, Any]) -> dict[str, Any]:
    """The desk's unsealed state as it was before layout 15: learning followed outcomes itself, drift counted days."""
    active, waiting, count, learnt, watched, shadows, followed = state["serving"]
    if learnt is not None:
        learnt |= {"following": followed[0], "funding": followed[1]}
    state["serving"] = [active, waiting, count, learnt, [*watched[:2], [], 0], shadows]
    return state
