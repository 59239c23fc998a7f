"""What an update of each of our indicators costs, and a whole vector: ``python -m benchmarks.jobs.indicators``."""

import json
import sys
from collections.abc import Callable
from random import Random
from time import process_time
from typing import Final

from operators.bars import OpenBar
from operators.feature import Moment, Ratios, Told
from operators.features import FeatureSet
from operators.indicators.adx import AverageDirectionalIndex
from operators.indicators.atr import AverageTrueRange
from operators.indicators.bollinger import BollingerBands
from operators.indicators.ema import ExponentialMovingAverage
from operators.indicators.macd import MovingAverageConvergenceDivergence
from operators.indicators.obv import OnBalanceVolume
from operators.indicators.returns import Returns
from operators.indicators.rsi import RelativeStrengthIndex
from operators.indicators.sma import SimpleMovingAverage
from operators.liquidation_map import Cluster, Outlook
from operators.native.twins import compiled
from schemas.time import DAY, HOUR, MINUTE, TIMEFRAME_NS, TIMEFRAMES

__all__ = ["OURS", "VECTOR", "Bar", "Made", "Update", "run"]

Bar = tuple[float, float, float, float, float]
"""Open, high, low, close, volume."""
Update = Callable[[int], object]
"""Takes the bar of this number."""
Made = Callable[[list[Bar]], dict[str, Update]]
"""New indicators over bars, by name."""

OURS: Final = "ours"
VECTOR: Final = "a whole vector"


def run(makers: dict[str, Made]) -> None:
    """Write one JSON object: by who and indicator, µs an update of each round; all of a round one after the other."""
    rounds, bars = int(sys.argv[1]), _bars(int(sys.argv[2]))
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(rounds):
        nothing = _spent(lambda _: None, len(bars))
        for who, make in {OURS: _ours, **makers}.items():
            for name, update in make(bars).items():
                took = _spent(update, len(bars)) - nothing
                found.setdefault(who, {}).setdefault(name, []).append(took)
    sys.stdout.write(json.dumps(found))


def _spent(update: Update, count: int) -> float:
    """CPU time of an update, µs."""
    begun = process_time()
    for i in range(count):
        update(i)
    return (process_time() - begun) / count * 1e6


def _bars(count: int) -> list[Bar]:
    """A random walk: open, high, low, close, volume."""
    draw, price, made = Random(5), 100.0, list[Bar]()  # noqa: S311, prices
    for _ in range(count):
        before, price = price, price * (1.0 + draw.gauss(0.0, 0.001))
        high, low = max(before, price) * (1.0 + draw.random() / 1e3), min(before, price) * (1.0 - draw.random() / 1e3)
        made.append((before, high, low, price, draw.random()))
    return made


def _ours(bars: list[Bar]) -> dict[str, Update]:
    """Our own, compiled where the engine has them so."""
    closes = [bar[3] for bar in bars]
    ema, sma = compiled(ExponentialMovingAverage(20)), compiled(SimpleMovingAverage(50))
    rsi, macd = compiled(RelativeStrengthIndex(14)), compiled(MovingAverageConvergenceDivergence())
    bands, returns = compiled(BollingerBands(20)), compiled(Returns((20,)))
    atr, adx, obv = compiled(AverageTrueRange(14)), compiled(AverageDirectionalIndex(14)), OnBalanceVolume()
    return {
        "EMA 20": lambda i: ema.update(closes[i]), "SMA 50": lambda i: sma.update(closes[i]),
        "RSI 14": lambda i: rsi.update(closes[i]), "MACD": lambda i: macd.update(closes[i]),
        "Bollinger bands 20": lambda i: bands.update(closes[i]), "return of 20": lambda i: returns.update(closes[i]),
        "ATR 14": lambda i: atr.update(*bars[i][1:4]), "ADX 14 with DI": lambda i: adx.update(*bars[i][1:4]),
        "OBV": lambda i: obv.update(DAY + i, closes[i], bars[i][4]), VECTOR: _vectors(bars),
    }  # fmt: skip


def _vectors(bars: list[Bar]) -> Update:
    """Whole vectors of all timeframes in turn, each of its bars in a row, with all that is told of the moment."""
    features = [FeatureSet(timeframe) for timeframe in TIMEFRAMES]
    made = []
    for i, (opened, high, low, close, volume) in enumerate(bars):
        number, place = divmod(i, len(features))
        bar = OpenBar(20 * DAY + number * TIMEFRAME_NS[TIMEFRAMES[place]])
        bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades = opened, high, low, close, volume, 5
        bar.notional, bar.buy_volume, bar.sell_volume = volume * close, volume / 2, volume / 2
        made.append((bar, _moment(bar.ts_open, close)))
    return lambda i: features[i % len(features)].update(*made[i])


def _moment(ts: int, price: float) -> Moment:
    told = 9.0 + price % 1.0
    return Moment(
        spread=1.0, spread_bps=1.0, microprice=price, microprice_bps=0.1, obi_1=0.1, obi_5=0.2, obi_10=0.3, obi_20=0.4,
        shape=(0.5,) * 13, bid=price - 0.5, ask=price + 0.5, funding_rate=1e-4 * told, funding_percentile=0.5,
        funding_interval=8 * HOUR, next_funding=ts + 8 * HOUR, basis_bps=told, open_interest=told, mark_price=price,
        ratios=Ratios(told, told, told, told, ts), funding_settled=1e-4, told=Told(ts, ts, ts, ts, ts, ts), lost={},
        forced=(ts // MINUTE, ts / MINUTE * told, ts // MINUTE, ts / MINUTE * told),
        outlook=Outlook(Cluster(price * 1.01, 1.0), Cluster(price * 0.99, 1.0), 3.0, 2.0),
    )  # fmt: skip


def spent(update: Update, count: int) -> float:
    """CPU time of an update, µs."""
    begun = process_time()
    for i in range(count):
        update(i)
    return (process_time() - begun) / count * 1e6


if __name__ == "__main__":
    run({})
