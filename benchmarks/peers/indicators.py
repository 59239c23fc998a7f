"""What an update of each indicator costs, others' beside ours: ``python -m benchmarks.peers.indicators``.

talipp keeps every value it has seen. TA-Lib's streaming interface and NautilusTrader are compiled.
"""

from typing import Any

import numpy as np
from nautilus_trader import indicators as of_nautilus
from talib import stream
from talipp import indicators as of_talipp
from talipp.ohlcv import OHLCV

from benchmarks.jobs.indicators import Bar, Update, run

_SEEN = 200


def talipp(bars: list[Bar]) -> dict[str, Update]:
    """Those of talipp, new."""
    closes, whole = [bar[3] for bar in bars], [OHLCV(*bar) for bar in bars]
    of_closes = {
        "EMA 20": of_talipp.EMA(20), "SMA 50": of_talipp.SMA(50), "RSI 14": of_talipp.RSI(14),
        "MACD": of_talipp.MACD(12, 26, 9),
        "Bollinger bands 20": of_talipp.BB(20, 2.0), "return of 20": of_talipp.ROC(20),
    }  # fmt: skip
    of_bars = {"ATR 14": of_talipp.ATR(14), "ADX 14 with DI": of_talipp.ADX(14, 14), "OBV": of_talipp.OBV()}

    def fed(indicator: Any, values: list[Any]) -> Update:
        return lambda i: indicator.add(values[i])

    return {name: fed(one, closes) for name, one in of_closes.items()} | {
        name: fed(one, whole) for name, one in of_bars.items()
    }


def talib(bars: list[Bar]) -> dict[str, Update]:
    """TA-Lib's streaming interface, each opened on the first `_SEEN` bars."""
    closes = [bar[3] for bar in bars]
    _, high, low, close, volume = (np.array(column) for column in zip(*bars[:_SEEN], strict=True))
    ema, sma, rsi = stream.EMA(close, 20), stream.SMA(close, 50), stream.RSI(close, 14)
    macd, bands, roc = stream.MACD(close), stream.BBANDS(close, 20), stream.ROCP(close, 20)
    atr, obv = stream.ATR(high, low, close, 14), stream.OBV(close, volume)
    adx, plus, minus = (kind(high, low, close, 14) for kind in (stream.ADX, stream.PLUS_DI, stream.MINUS_DI))

    def directional(i: int) -> object:
        prices = bars[i][1:4]
        return adx.update(*prices), plus.update(*prices), minus.update(*prices)

    return {
        "EMA 20": lambda i: ema.update(closes[i]), "SMA 50": lambda i: sma.update(closes[i]),
        "RSI 14": lambda i: rsi.update(closes[i]), "MACD": lambda i: macd.update(closes[i]),
        "Bollinger bands 20": lambda i: bands.update(closes[i]), "return of 20": lambda i: roc.update(closes[i]),
        "ATR 14": lambda i: atr.update(*bars[i][1:4]), "ADX 14 with DI": directional,
        "OBV": lambda i: obv.update(*bars[i][3:]),
    }  # fmt: skip


def nautilus(bars: list[Bar]) -> dict[str, Update]:
    """Those of NautilusTrader, new; it has no index of direction, and its OBV is of a window only."""
    closes = [bar[3] for bar in bars]
    ema, sma = of_nautilus.ExponentialMovingAverage(20), of_nautilus.SimpleMovingAverage(50)
    rsi, macd = of_nautilus.RelativeStrengthIndex(14), of_nautilus.MovingAverageConvergenceDivergence(12, 26)
    bands, roc = of_nautilus.BollingerBands(20, 2.0), of_nautilus.RateOfChange(20)
    atr = of_nautilus.AverageTrueRange(14)
    return {
        "EMA 20": lambda i: ema.update_raw(closes[i]), "SMA 50": lambda i: sma.update_raw(closes[i]),
        "RSI 14": lambda i: rsi.update_raw(closes[i]), "MACD": lambda i: macd.update_raw(closes[i]),
        "Bollinger bands 20": lambda i: bands.update_raw(*bars[i][1:4]),
        "return of 20": lambda i: roc.update_raw(closes[i]),
        "ATR 14": lambda i: atr.update_raw(*bars[i][1:4]),
    }  # fmt: skip


if __name__ == "__main__":
    run({"talipp": talipp, "TA-Lib, streaming": talib, "NautilusTrader": nautilus})
