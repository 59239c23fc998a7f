"""One moment of a market, as every route would answer of it: the examples in OpenAPI.

Nothing in them is null: FastAPI leaves nulls out of a document, and then an example lacks a field.
"""

from datetime import UTC, datetime
from typing import Final

from api import views
from api.parameters import write_cursor
from schemas.cards import CurveBin, Importance, ModelCard
from schemas.catalogue import FeatureEntry
from schemas.identifiers import derive
from schemas.market import InstrumentDefinition
from schemas.results import Bar, BookSample, Gap, LevelProfile, ModelEvent, Vector
from schemas.signals import KeyFactor, Signal
from schemas.time import DAY, HOUR, MINUTE, SECOND, to_text
from sinks.api_keys import ApiKey
from sinks.figures import LogOffset, TableFigures
from sinks.queries import BookMoment, DriftLine, InstrumentState

__all__ = [
    "BARS", "BOOKS", "CATALOGUE", "FEATURES", "GAPS", "HEALTH", "INSTRUMENTS", "KEYS", "LEVELS", "MODEL", "MODELS",
    "READINESS", "SIGNALS", "STATS",
]  # fmt: skip

_ID: Final = "binanceusdm:BTC/USDT:USDT"
_CLOSE: Final = 1_723_161_600 * SECOND
_DECIDED: Final = _CLOSE + 2_500_000_000
_SCHEMA: Final = "b0c9f1d2"

_SIGNAL: Final = Signal(
    id=derive("signal", _ID, "5m", _CLOSE, "confluence", "1"), instrument_id=_ID, timeframe="5m",
    strategy="confluence", strategy_version="1", direction="long", confidence=0.62, calibrated=False, horizon=2 * HOUR,
    entry_low=61_670.0, entry_high=61_694.5, stop=61_521.0, targets=[61_843.0, 62_004.0, 62_165.0], risk_reward=2.0,
    size=0.62, ts_event=_CLOSE, ts_decided=_DECIDED, expiry=_CLOSE + 15 * MINUTE,
    key_factors=[
        KeyFactor(feature="book_imbalance_10", value=0.38, contribution=0.21, words="bids outweigh asks by 38 %"),
        KeyFactor(feature="rsi_14", value=71.2, contribution=-0.06, words="RSI 71 is stretched"),
    ],
    explanation="Long: bids outweigh asks by 38 %; against it, RSI 71 is stretched.", models=[], schema_hash=_SCHEMA,
    quality=[], bid=61_694.4, ask=61_694.5, status="published",
)  # fmt: skip
_BAR: Final = Bar(
    id=derive("bar", _ID, "5m", _CLOSE, 0), instrument_id=_ID, timeframe="5m", ts_open=_CLOSE - 5 * MINUTE,
    ts_close=_CLOSE, ts_decided=_DECIDED, revision=0, open=61_650.1, high=61_702.0, low=61_633.9, close=61_694.5,
    volume=412.7, notional=25_455_008.2, trades=5_120, buy_volume=231.4, sell_volume=181.3, bid_first=61_650.0,
    bid_low=61_633.8, bid_high=61_701.9, bid_last=61_694.4, ask_first=61_650.1, ask_low=61_633.9, ask_high=61_702.0,
    ask_last=61_694.5,
)  # fmt: skip
_VECTOR: Final = Vector(
    id=derive("vector", _ID, "5m", _CLOSE), instrument_id=_ID, timeframe="5m", ts_close=_CLOSE, ts_decided=_DECIDED,
    schema_hash=_SCHEMA, features={"book_imbalance_10": 0.38, "rsi_14": 71.2}, bid=61_694.4, ask=61_694.5,
)  # fmt: skip
_BOOK: Final = BookSample(
    id=derive("book_sample", _ID, _CLOSE), instrument_id=_ID, ts_event=_CLOSE, bid_prices=[61_694.4, 61_694.0],
    bid_sizes=[4.1, 0.7], ask_prices=[61_694.5, 61_695.0], ask_sizes=[1.9, 2.2], imbalance=0.38, stale=False,
)  # fmt: skip
_LEVELS: Final = LevelProfile(
    id=derive("levels", _ID, _CLOSE), instrument_id=_ID, ts_close=_CLOSE, ts_decided=_DECIDED, price=61_694.0,
    open_interest=80_412.3, lowest=60_966.1, width=0.002, shares=[0.021, 0.0, 0.004],
)  # fmt: skip
_GAP: Final = Gap(
    id=derive("gap", _ID, "book_sequence", _CLOSE), instrument_id=_ID, kind="book_sequence",
    ts_start=_CLOSE - 30 * SECOND, ts_end=_CLOSE - 29 * SECOND, ts_received=_CLOSE - 29 * SECOND,
    expected=5_012_337, received=5_012_391, detail="54 updates missing",
)  # fmt: skip
_STATE: Final = InstrumentState(
    definition=InstrumentDefinition(
        instrument_id=_ID, ts_event=_CLOSE - HOUR, ts_received=_CLOSE - HOUR, kind="perpetual", base="BTC",
        quote="USDT", settle="USDT", tick_size=0.1, lot_size=0.001, funding_interval=8 * HOUR, taker_fee=0.0005,
    ),
    timeframes=["1m", "5m", "15m"], newest_close=_CLOSE, newest_book=_CLOSE, stale=False,
)  # fmt: skip

SIGNALS: Final = views.SignalPage(
    items=[views.timed(views.SignalView, _SIGNAL, _CLOSE)], next=write_cursor(_CLOSE, _SIGNAL.id)
)
BARS: Final = views.BarPage(items=[views.timed(views.BarView, _BAR, _CLOSE)], next=write_cursor(_CLOSE, _BAR.id))
CATALOGUE: Final = views.Catalogue(
    items=(
        FeatureEntry(
            name="rsi_14", unit="0-100", summary="Relative strength index, 14 bars",
            formula="100 gain / (gain + loss), Wilder's averages of 14 changes", source="Wilder 1978; TA-Lib RSI",
            null="never", inputs=["trades"], ready=15, memory="63", timeframes=["1m", "5m", "15m", "1h", "4h", "1d"],
            low=0.0, high=100.0, warm_up="342",
        ),
    )
)  # fmt: skip
FEATURES: Final = views.FeaturePage(items=[views.feature_view(_VECTOR, None)], next=write_cursor(_CLOSE, _VECTOR.id))
GAPS: Final = views.GapPage(
    items=[views.timed(views.GapView, _GAP, _GAP.ts_end)], next=write_cursor(_GAP.ts_end, _GAP.id)
)
_ACTIVATED: Final = ModelEvent(
    id=derive("model_event", "majors", "3f2a9c0d1e5b7a86", _CLOSE), model="majors", version="3f2a9c0d1e5b7a86",
    event="activated", ts_event=_CLOSE,
    details={"before": "91bc3d4e5f607182", "effective_close": _CLOSE, "late": False, "gates_failed": []},
)  # fmt: skip
MODELS: Final = views.ModelStatus(
    serving=[views.timed(views.ModelEventView, _ACTIVATED, _CLOSE)],
    events=[views.timed(views.ModelEventView, _ACTIVATED, _CLOSE)],
)
MODEL: Final = views.ModelView(
    card=ModelCard(
        model="majors", version="3f2a9c0d1e5b7a86", kind="lightgbm-onnx", train_start=_CLOSE - 90 * DAY,
        train_end=_CLOSE - HOUR, outcomes=4_120, figures={"auc": 0.57, "log_loss": 0.668},
        curve=[CurveBin(said=0.41, seen=0.39, rows=206), CurveBin(said=0.58, seen=0.6, rows=206)],
        importance=[Importance(feature="obi_10", mean=0.12, low=0.08, high=0.15)],
    ),
    refused="",
    drift=[
        DriftLine(
            feature="obi_10", measure="psi", ts_close=_CLOSE, value=0.31, threshold=0.24, alerts=1, last_alert=_CLOSE,
            values=[0.02, 0.11, 0.31],
        )
    ],
)  # fmt: skip
BOOKS: Final = views.BooksView(
    latest=views.timed(views.BookView, _BOOK, _CLOSE),
    series=[
        views.timed(
            views.BookMomentView, BookMoment(ts_event=_CLOSE, mid=61_694.45, imbalance=0.38, stale=False), _CLOSE
        )
    ],
)
LEVELS: Final = views.LevelsView(items=[views.timed(views.LevelView, _LEVELS, _CLOSE)])
INSTRUMENTS: Final = views.InstrumentList(items=[views.instrument_view(_STATE)])
STATS: Final = views.Stats(
    now=to_text(_DECIDED),
    stages=[views.stage_view(TableFigures(table="bars", topic="features.bars", rows=4_310, exact=True, newest=_CLOSE))],
    offsets=[LogOffset(topic="features.bars", partition=0, next_offset=718)],
)
KEYS: Final = views.KeyList(
    items=[
        ApiKey(
            id="3f09b2c41d7a", name="execution desk", role="read", created_at=datetime(2024, 8, 9, tzinfo=UTC),
            expires_at=datetime(2024, 11, 9, tzinfo=UTC), revoked_at=datetime(2024, 9, 1, tzinfo=UTC),
        )
    ]
)  # fmt: skip
HEALTH: Final = views.Health(status="up", version="0.1.0")
READINESS: Final = views.Readiness(
    ready=False,
    checks=[
        views.Check(name="database", ok=True, detail="reachable"),
        views.Check(name="bars", ok=False, detail="the newest bar closed 1,240 s ago; allowed are 180"),
    ],
)
