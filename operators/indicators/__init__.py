"""Indicators over closed bars, one idea a file: O(1) an update, ``None`` until ready, a source for every formula."""

from operators.indicators.atr import AverageTrueRange
from operators.indicators.cvd import CumulativeVolumeDelta
from operators.indicators.ema import ExponentialMovingAverage
from operators.indicators.rsi import RelativeStrengthIndex
from operators.indicators.vwap import SessionVwap

__all__ = [
    "AverageTrueRange",
    "CumulativeVolumeDelta",
    "ExponentialMovingAverage",
    "RelativeStrengthIndex",
    "SessionVwap",
]
