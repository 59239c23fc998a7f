"""A few hours of results of two made-up instruments: something in every table, the same at every call."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from schemas.codec import encode
from schemas.identifiers import derive
from schemas.market import InstrumentDefinition
from schemas.message import Message
from schemas.results import (
    Absence,
    Bar,
    BookSample,
    Context,
    DeadLetter,
    Drift,
    Gap,
    GapKind,
    LevelProfile,
    ModelEvent,
    Vector,
)
from schemas.signals import KeyFactor, ModelOpinion, Outcome, Signal
from schemas.time import HOUR, MINUTE, SECOND, TIMEFRAME_NS, Timeframe, due_timeframes

__all__ = ["BTC", "ETH", "START", "messages", "of_bars", "results", "signal"]

BTC: Final = "binanceusdm:BTC/USDT:USDT"
ETH: Final = "binanceusdm:ETH/USDT:USDT"
START: Final = 1_723_161_600 * SECOND  # 2024-08-09 00:00
_FEATURES: Final = ("spread_bps", "obi_10", "ofi", "rsi_14", "ema_20")

Record = tuple[str, Any]


def messages(records: Iterable[Record], *, partition: int = 0) -> list[Message]:
    """``records`` (topic and record) as they would be read, offsets counted a topic."""
    offsets: Counter[str] = Counter()
    found = []
    for topic, record in records:
        found.append(Message(topic, partition, offsets[topic], 1_723_161_600_000, b"key", encode(record)))
        offsets[topic] += 1
    return found


def results(minutes: int = 180) -> list[Record]:
    """Everything that the engine would have written of the first ``minutes``."""
    found: list[Record] = []
    for instrument in (BTC, ETH):
        found.append(("reference.instruments", _definition(instrument)))
        for minute in range(1, minutes + 1):
            close = START + minute * MINUTE
            for timeframe in due_timeframes(close):
                found.append(("features.bars", _bar(instrument, timeframe, close, minute)))
                found.append(("features.vectors", _vector(instrument, timeframe, close, minute)))
                found.append(("features.context", _context(instrument, timeframe, close, minute)))
            found += [("features.books", _book(instrument, close - n * 20 * SECOND, minute + n)) for n in (2, 1, 0)]
            if minute % 5 == 0:
                found.append(("features.levels", _levels(instrument, close, minute)))
            if minute % 30 == 0:
                found += _signal_story(instrument, close, minute)
        found += _quality(instrument)
    found.append(("features.bars", _bar(BTC, "1m", START + MINUTE, 1, revision=1)))
    found.append(("models.events", _model_event()))
    found.append(("dead_letters", _dead_letter()))
    return found


def of_bars(count: int) -> list[Record]:
    """``count`` one-minute bars."""
    return [("features.bars", _bar(BTC, "1m", START + n * MINUTE, n)) for n in range(1, count + 1)]


def signal(instrument: str = BTC, close: int = START + HOUR, *, status: str = "published", **changed: Any) -> Signal:
    """A signal; ``changed`` replaces fields of it."""
    fields: dict[str, Any] = {
        "id": derive("signal", instrument, "1m", close, "1"),
        "instrument_id": instrument, "timeframe": "1m", "strategy": "confluence", "strategy_version": "1",
        "direction": "long", "confidence": 0.61, "calibrated": False, "horizon": 24 * MINUTE, "entry_low": 99.5,
        "entry_high": 100.5, "stop": 98.0, "targets": [102.0, 104.0, 106.0], "risk_reward": 2.0, "size": 0.5,
        "ts_event": close, "ts_decided": close + 2 * SECOND + 7, "expiry": close + 3 * MINUTE,
        "key_factors": [
            KeyFactor(feature="obi_10", value=0.4, contribution=0.3, words="the book leans to the bid"),
            KeyFactor(feature="rsi_14", value=61.0, contribution=0.2, words="momentum is up"),
        ],
        "explanation": "Long: the book leans to the bid, momentum is up.",
        "models": [ModelOpinion(model="rule", version="1", probability=0.61, weight=1.0)],
        "schema_hash": "f00d", "quality": [], "bid": 99.9, "ask": 100.1, "status": status,
    }  # fmt: skip
    return Signal(**{**fields, **changed})


def _levels(instrument: str, close: int, minute: int) -> LevelProfile:
    return LevelProfile(
        id=derive("levels", instrument, close), instrument_id=instrument, ts_close=close, ts_decided=close + 2 * SECOND,
        price=100.0, open_interest=5_000.0, lowest=99.0, width=0.002, shares=[0.01, 0.0, minute / 1e5],
    )  # fmt: skip


def _definition(instrument: str) -> InstrumentDefinition:
    return InstrumentDefinition(
        instrument_id=instrument, ts_event=START, ts_received=START + 1, kind="perpetual", base="BTC", quote="USDT",
        settle="USDT", tick_size=0.1, lot_size=0.001, funding_interval=8 * HOUR, taker_fee=0.0005,
    )  # fmt: skip


def _bar(instrument: str, timeframe: Timeframe, close: int, n: int, revision: int = 0) -> Bar:
    price = 100 + n % 7 / 3
    return Bar(
        id=derive("bar", instrument, timeframe, close, revision), instrument_id=instrument, timeframe=timeframe,
        ts_open=close - TIMEFRAME_NS[timeframe], ts_close=close, ts_decided=close + 2_500_000_123, revision=revision,
        open=price, high=price + 0.7, low=price - 0.3, close=price + 0.1, volume=10.5 + revision, notional=1050.7,
        trades=42, buy_volume=6.5, sell_volume=4.0 + revision, bid_first=price - 0.05, bid_last=price,
        ask_first=price + 0.05, quality=["gap"] if n % 50 == 0 else [],
    )  # fmt: skip


def _vector(instrument: str, timeframe: Timeframe, close: int, n: int) -> Vector | Absence:
    identifier = derive("features", instrument, timeframe, close)
    if n % 45 == 0 and timeframe == "1m":
        return Absence(
            id=identifier, instrument_id=instrument, timeframe=timeframe, ts_close=close, ts_decided=close + SECOND,
            reason="no trade yet",
        )  # fmt: skip
    values: list[float | None] = [0.5 + n / 100, (n % 9 - 4) / 10, n * 1e-7, None if n < 14 else 50.0 + n % 20, 100.1]
    return Vector(
        id=identifier, instrument_id=instrument, timeframe=timeframe, ts_close=close, ts_decided=close + 2 * SECOND,
        schema_hash="f00d", features=dict(zip(_FEATURES, values, strict=True)),
        tainted={"ofi": "book_sequence"} if n % 20 == 0 else {}, bid=99.9, ask=100.1,
    )  # fmt: skip


def _context(instrument: str, timeframe: Timeframe, close: int, n: int) -> Context:
    return Context(
        id=derive("context", instrument, timeframe, close), instrument_id=instrument, timeframe=timeframe,
        ts_close=close, ts_decided=close + 3 * SECOND, schema_hash="c0de",
        features={
            "corr_btc_60": None if n < 61 else (n % 7 - 3) / 4, "decorrelation_btc": float(n % 90 == 87),
            "dispersion": n * 1e-5,
        },
        tainted={"dispersion": "x:y: book_sequence"} if n % 20 == 0 else {},
    )  # fmt: skip


def _book(instrument: str, at: int, n: int) -> BookSample:
    return BookSample(
        id=derive("book", instrument, at), instrument_id=instrument, ts_event=at, bid_prices=[99.9, 99.8],
        bid_sizes=[1.0, 2.0 + n % 3], ask_prices=[100.1, 100.2], ask_sizes=[1.5, 0.5], imbalance=(n % 9 - 4) / 10,
        stale=n % 60 == 0,
    )  # fmt: skip


def _signal_story(instrument: str, close: int, minute: int) -> list[Record]:
    if minute % 60 == 0:
        vetoes = ["ofi is tainted: book_sequence", "spread of 12.31 bps is above 10"]
        vetoed = signal(instrument, close, status="vetoed", vetoes=vetoes[: minute // 60])
        return [("signals.candidates", vetoed)]
    published = signal(instrument, close)
    filled = Outcome(
        id=derive("outcome", published.id, "filled"), signal_id=published.id, instrument_id=instrument,
        status="filled", ts_event=close + 3 * SECOND, price=100.1,
    )  # fmt: skip
    ended = Outcome(
        id=derive("outcome", published.id, "tp1"), signal_id=published.id, instrument_id=instrument, status="tp1",
        ts_event=close + 5 * MINUTE, price=102.0, gross_return=0.019, fees=0.001, slippage=0.0002, net_return=0.0178,
    )  # fmt: skip
    return [
        ("signals.candidates", signal(instrument, close, status="candidate")),
        ("signals.published", published),
        ("signals.outcomes", filled),
        ("signals.outcomes", ended),
    ]


def _quality(instrument: str) -> list[Record]:
    places: list[tuple[GapKind, int]] = [
        ("book_sequence", 20), ("book_sequence", 90), ("late", 33), ("disconnected", 150),
    ]  # fmt: skip
    gaps = [
        Gap(
            id=derive("gap", instrument, kind, n), instrument_id=instrument, kind=kind, ts_start=START + n * MINUTE,
            ts_end=START + n * MINUTE + 30 * SECOND, ts_received=START + n * MINUTE + 31 * SECOND, expected=n,
            received=n + 5, count=5, detail="five updates are missing",
        )
        for kind, n in places
    ]  # fmt: skip
    drift = Drift(
        id=derive("drift", instrument, "ofi"), instrument_id=instrument, timeframe="1m", feature="ofi",
        ts_close=START + HOUR, measure="psi", value=0.31, threshold=0.25, alert=True,
    )  # fmt: skip
    return [*(("quality.gaps", gap) for gap in gaps), ("quality.drift", drift)]


def _model_event() -> ModelEvent:
    return ModelEvent(
        id=derive("model", "rule", "1"), model="rule", version="1", event="activated", ts_event=START,
        details={"by": "ana", "span": [1, 2]},
    )  # fmt: skip


def _dead_letter() -> DeadLetter:
    return DeadLetter(
        id=derive("dead", "market.events", 3, 77), topic="market.events", partition=3, offset=77,
        reason="JSON is malformed", ts_received=START, key="a2V5", value="e30=",
    )  # fmt: skip
