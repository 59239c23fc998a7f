"""A small made-up market in the store: rows of every table that belong together, derived from a seed and a time."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import count
from math import exp
from random import Random

from msgspec import Struct

from schemas.codec import encode
from schemas.identifiers import derive
from schemas.market import InstrumentDefinition
from schemas.message import Message
from schemas.results import Absence, Bar, BookSample, Context, Drift, Gap, LevelProfile, ModelEvent, Vector
from schemas.signals import KeyFactor, Signal
from schemas.time import HOUR, MINUTE, SECOND, TIMEFRAME_NS, TIMEFRAMES, Timeframe, due_timeframes
from sinks.timescale import TimescaleWriter

__all__ = [
    "BTC",
    "ETH",
    "SPOT",
    "Filler",
    "Record",
    "book",
    "daily",
    "definition",
    "drifted",
    "fill",
    "history",
    "signal",
]

BTC, ETH, SPOT = "sim:BTC/USDT:USDT", "sim:ETH/USDT:USDT", "sim:BTC/USDT"
_PRICE = {BTC: 64_000.0, SPOT: 64_010.0, ETH: 3_150.0}
_TICK = {BTC: 0.1, SPOT: 0.01, ETH: 0.01}
Record = tuple[str, Struct]
"""A topic, and a record for it."""
_WORDS = {
    "ema_20": "EMA 20 lies 1.4 ATR above EMA 50",
    "obi_10": "ten levels of the book hold 41% more bids than asks, over their sum",
    "rsi_14": "RSI 14 at 63 shows rising momentum",
    "tfi": "aggressive buyers exceed sellers by 22% of the volume",
    "microprice": "the microprice leans to the bid",
}


class Filler:
    """Stores records as `candlewick store` would; one at a time for a database."""

    def __init__(self, dsn: str) -> None:
        self._writer = TimescaleWriter(dsn)
        self._offsets = count()

    def put(self, records: Iterable[Record]) -> None:
        """Store ``records`` in one transaction."""
        messages = [Message(topic, 0, next(self._offsets), 0, None, encode(record)) for topic, record in records]
        assert not messages or self._writer.write(messages)

    def close(self) -> None:
        """Let another one in."""
        self._writer.close()


def fill(dsn: str, records: Iterable[Record]) -> None:
    """Store ``records`` at once."""
    with closing(Filler(dsn)) as filler:
        filler.put(records)


def history(instrument_id: str, until: int, *, minutes: int = 240, seed: int = 1) -> Iterator[Record]:
    """Definition, bars of all timeframes, vectors, book samples, signals and gaps up to ``until`` (ns)."""
    random = Random(f"{instrument_id}{seed}")  # noqa: S311, a market, not a secret
    first = until - until % MINUTE - minutes * MINUTE
    yield definition(instrument_id, first)
    open_bars: dict[Timeframe, Bar] = {}
    averages: dict[Timeframe, list[float]] = {}
    price, drift = _PRICE[instrument_id], 0.0
    for minute in range(minutes):
        ts_open = first + minute * MINUTE
        drift = 0.92 * drift + random.gauss(0, 0.00008)
        steps = (random.gauss(drift / 6, 0.00025) for _ in range(6))
        path = [_on_tick(instrument_id, price := price * exp(step)) for step in steps]
        yield from _minute(instrument_id, minute + 1, ts_open, path, open_bars, averages, random)
        if minute % 37 == 29:
            direction = "long" if drift > 0 else "short"
            yield from signal(instrument_id, ts_open + MINUTE, price, direction, published=minute % 74 == 29)
        if minute % 90 == 45:
            yield _activated(minute, ts_open + MINUTE)
        if minute % 90 == 60:
            yield _gap(instrument_id, ts_open + 20 * SECOND)
    for second in range((until - 4 * MINUTE) // SECOND, until // SECOND):
        price *= exp(random.gauss(0, 0.00004))
        yield book(instrument_id, second * SECOND + random.randrange(10**8), price, random)


def drifted(model: str, until: int) -> Iterator[Record]:
    """Ten windows of 5m candidates: ``obi_10`` moves away and raises an alert in the last one, ``rsi_14`` stays."""
    for window in range(10):
        ts = until - until % MINUTE - (9 - window) * 5 * MINUTE
        for feature, measure, value, limit in (
            ("obi_10", "psi", 0.03 * window, 0.25), ("rsi_14", "psi", 0.01, 0.3), ("obi_10", "ks", 0.1, None),
        ):  # fmt: skip
            yield "quality.drift", Drift(
                id=derive("drift", model, feature, measure, ts), instrument_id=f"model:{model}", timeframe="5m",
                feature=feature, ts_close=ts, measure=measure, value=value, threshold=limit,
                alert=limit is not None and value > limit,
            )  # fmt: skip


def daily(model: str, until: int) -> Iterator[Record]:
    """A day's closes of two timeframes, held against training."""
    told: tuple[tuple[Timeframe, float], ...] = (("1m", 0.1), ("5m", 0.2))
    for timeframe, value in told:
        yield "quality.drift", Drift(
            id=derive("drift", model, timeframe, until), instrument_id=f"model:{model}", timeframe=timeframe,
            feature="tfi", ts_close=until - until % MINUTE, measure="psi_day", value=value, threshold=0.25,
        )  # fmt: skip


def definition(instrument_id: str, ts: int) -> Record:
    """A perpetual or a spot pair, by its name."""
    base, _, settle = instrument_id.partition(":")[2].partition(":")
    return "reference.instruments", InstrumentDefinition(
        instrument_id=instrument_id, ts_event=ts, ts_received=ts, kind="perpetual" if settle else "spot",
        base=base.split("/")[0], quote="USDT", settle=settle or None, tick_size=_TICK.get(instrument_id, 0.1),
        lot_size=0.001, funding_interval=8 * HOUR if settle else None, taker_fee=0.0005,
    )  # fmt: skip


def book(instrument_id: str, ts: int, mid: float, random: Random, *, stale: bool = False) -> Record:
    """Twenty levels a side."""
    tick = _TICK[instrument_id]
    lean = random.uniform(0.6, 1.6)
    bid = _on_tick(instrument_id, mid - tick / 2)
    sizes = [[round(random.expovariate(1) * scale * 3 + 0.05, 3) for _ in range(20)] for scale in (lean, 1.0)]
    bids, asks = (sum(side[:10]) for side in sizes)
    return "features.books", BookSample(
        id=derive("book_sample", instrument_id, ts), instrument_id=instrument_id, ts_event=ts,
        bid_prices=[_on_tick(instrument_id, bid - level * tick) for level in range(20)], bid_sizes=sizes[0],
        ask_prices=[_on_tick(instrument_id, bid + (level + 1) * tick) for level in range(20)], ask_sizes=sizes[1],
        imbalance=(bids - asks) / (bids + asks), stale=stale,
    )  # fmt: skip


def signal(
    instrument_id: str, ts: int, price: float, direction: str = "long", *, published: bool = True,
    timeframe: Timeframe = "1m",
) -> Iterator[Record]:  # fmt: skip
    """A candidate, and the signal if it is ``published``; else it is vetoed."""
    sign, unit = (1.0 if direction == "long" else -1.0), price * 0.0006
    shares = dict(zip(_WORDS, (0.24, 0.17, 0.13, 0.08, -0.05), strict=True))
    candidate = Signal(
        id=derive("signal", instrument_id, timeframe, ts, "confluence", "1"), instrument_id=instrument_id,
        timeframe=timeframe, strategy="confluence", strategy_version="1",
        direction="long" if direction == "long" else "short", confidence=0.5 + ts // MINUTE % 37 / 100,
        calibrated=False, horizon=24 * TIMEFRAME_NS[timeframe], entry_low=price - unit * 0.2,
        entry_high=price + unit * 0.2, stop=price - sign * 1.5 * unit,
        targets=[price + sign * part * unit for part in (1.5, 3.0, 4.5)], risk_reward=2.0, size=0.42, ts_event=ts,
        ts_decided=ts + 2_600_000_000, expiry=ts + 3 * TIMEFRAME_NS[timeframe],
        key_factors=[
            KeyFactor(feature=name, value=price if name == "ema_20" else 0.41, contribution=share, words=_WORDS[name])
            for name, share in shares.items()
        ],
        explanation=f"{direction.capitalize()}: trend, book and momentum agree; the microprice speaks against it.",
        models=[], schema_hash="b0c9f1d2a4e6f801", quality=[], bid=price, ask=price + 0.1,
        status="candidate" if published else "vetoed",
        vetoes=[] if published else ["spread 14.2 bps is above 10", "obi_10 is tainted: book_sequence"],
    )  # fmt: skip
    yield "signals.candidates", candidate
    if published:
        yield "signals.published", _published(candidate)


def _published(candidate: Signal) -> Signal:
    fields = {name: getattr(candidate, name) for name in candidate.__struct_fields__}
    return Signal(**{**fields, "status": "published"})


def _minute(
    instrument_id: str, number: int, ts_open: int, path: list[float], open_bars: dict[Timeframe, Bar],
    averages: dict[Timeframe, list[float]], random: Random,
) -> Iterator[Record]:  # fmt: skip
    bought, sold = random.expovariate(0.1), random.expovariate(0.1)
    volume = bought + sold
    ts_close = ts_open + MINUTE
    part = Bar(
        id="", instrument_id=instrument_id, timeframe="1m", ts_open=ts_open, ts_close=ts_close, revision=0,
        ts_decided=ts_close + 2_600_000_000, open=path[0], high=max(path), low=min(path), close=path[-1],
        volume=volume, notional=volume * path[-1], trades=random.randrange(20, 400), buy_volume=bought,
        sell_volume=sold, bid_last=path[-1], ask_last=path[-1] + _TICK[instrument_id],
    )  # fmt: skip
    due = due_timeframes(ts_close)
    for timeframe in TIMEFRAMES:
        bar = open_bars.pop(timeframe, None)
        grown = _join(bar, part, timeframe)
        if timeframe not in due:
            open_bars[timeframe] = grown
            continue
        yield "features.bars", grown
        emas = averages.setdefault(timeframe, [grown.close, grown.close])
        emas[:] = [ema + (grown.close - ema) * 2 / (n + 1) for ema, n in zip(emas, (20, 50), strict=True)]
        yield "features.vectors", _vector(grown, number, emas, random)
        yield "features.context", _context(grown)
    if "5m" in due and _is_perpetual(instrument_id):
        yield _levels(part)


def _join(bar: Bar | None, part: Bar, timeframe: Timeframe) -> Bar:
    first = bar or part
    ts_close = part.ts_close
    return Bar(
        id=derive("bar", part.instrument_id, timeframe, ts_close, 0), instrument_id=part.instrument_id,
        timeframe=timeframe, ts_open=ts_close - TIMEFRAME_NS[timeframe], ts_close=ts_close,
        ts_decided=part.ts_decided, revision=0, open=first.open, high=max(first.high, part.high),
        low=min(first.low, part.low), close=part.close, volume=part.volume + (bar.volume if bar else 0.0),
        notional=part.notional + (bar.notional if bar else 0.0), trades=part.trades + (bar.trades if bar else 0),
        buy_volume=part.buy_volume + (bar.buy_volume if bar else 0.0),
        sell_volume=part.sell_volume + (bar.sell_volume if bar else 0.0), bid_last=part.bid_last,
        ask_last=part.ask_last,
    )  # fmt: skip


def _vector(bar: Bar, number: int, emas: list[float], random: Random) -> Vector | Absence:
    """What is absent and what is tainted goes by the market's own minutes, whenever it is."""
    identifier = derive("vector", bar.instrument_id, bar.timeframe, bar.ts_close)
    if number % 97 == 0:
        return Absence(
            id=identifier, instrument_id=bar.instrument_id, timeframe=bar.timeframe, ts_close=bar.ts_close,
            ts_decided=bar.ts_decided, reason="nobody listened",
        )  # fmt: skip
    lean = random.uniform(-1, 1)
    features = {
        "spread": 0.1, "obi_10": lean, "obi_10_mean": lean / 2, "obi_10_min": min(lean, lean / 2 - 0.3),
        "obi_10_max": max(lean, lean / 2 + 0.2), "rsi_14": random.uniform(20, 80),
        "ema_20": emas[0], "ema_50": emas[1], "vwap": None, "liq_above_bps": random.uniform(20, 60),
        "liq_above_share": 0.04, "liq_below_bps": None if bar.ts_close // MINUTE % 3 else 35.0, "liq_below_share": 0.01,
    }  # fmt: skip
    return Vector(
        id=identifier, instrument_id=bar.instrument_id, timeframe=bar.timeframe, ts_close=bar.ts_close,
        ts_decided=bar.ts_decided, schema_hash="b0c9f1d2a4e6f801", features=features,
        tainted={"obi_10": "book_sequence"} if number % 50 == 0 else {}, bid=bar.bid_last,
        ask=bar.ask_last,
    )  # fmt: skip


def _context(bar: Bar) -> Context:
    return Context(
        id=derive("context", bar.instrument_id, bar.timeframe, bar.ts_close), instrument_id=bar.instrument_id,
        timeframe=bar.timeframe, ts_close=bar.ts_close, ts_decided=bar.ts_decided, schema_hash="0f1606220f883c8a",
        features={"fear_greed": 40.0 + bar.ts_close // MINUTE % 7, "dispersion": None},
        tainted={"dispersion": "one: its return is not known"},
    )  # fmt: skip


def _levels(bar: Bar) -> Record:
    """Thick at two prices a little above and below, thin between them."""
    random = Random(bar.ts_close)  # noqa: S311, a market, not a secret
    shares = [0.02 if abs(number) in {4, 5} else round(0.004 * random.random() ** 2, 5) for number in range(-20, 20)]
    return "features.levels", LevelProfile(
        id=derive("levels", bar.instrument_id, bar.ts_close), instrument_id=bar.instrument_id, ts_close=bar.ts_close,
        ts_decided=bar.ts_decided, price=bar.close, open_interest=90_000.0, lowest=bar.close * exp(-20 * 5e-4),
        width=5e-4, shares=shares,
    )  # fmt: skip


def _is_perpetual(instrument_id: str) -> bool:
    return instrument_id.count(":") > 1


def _gap(instrument_id: str, ts: int) -> Record:
    return "quality.gaps", Gap(
        id=derive("gap", instrument_id, ts), instrument_id=instrument_id, kind="book_sequence", ts_start=ts,
        ts_end=ts + SECOND, ts_received=ts + SECOND, expected=5_012_337, received=5_012_391, count=54,
        detail="54 updates missing",
    )  # fmt: skip


def _activated(minute: int, ts: int) -> Record:
    model, version = ("majors", f"{minute:016x}") if minute < 200 else ("minors", "")
    return "models.events", ModelEvent(
        id=derive("model_event", model, version, ts), model=model, version=version, ts_event=ts,
        event="activated" if version else "deactivated", details={"before": "", "late": False},
    )  # fmt: skip


def _on_tick(instrument_id: str, price: float) -> float:
    tick = _TICK[instrument_id]
    return round(round(price / tick) * tick, 2)
