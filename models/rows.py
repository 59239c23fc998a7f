"""The row of numbers that a model sees of a candidate: one function for training and for the stream."""

from collections.abc import Mapping, Sequence
from math import nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST", "Row", "row"]

LARGEST: Final = 3.4028234663852886e38
"""Number that a float32 can be."""
Row = NDArray[np.float32]


def row(
    inputs: Sequence[str],
    features: Mapping[str, float | None],
    tainted: Mapping[str, str],
    *,
    direction: int,
    score: float,
) -> Row:
    """The values of ``inputs`` in order, as float32; what is not known, or tainted, is NaN.

    ``direction`` (1 long, -1 short) and ``score`` (0 to 1) are the candidate's, see `CANDIDATE_INPUTS`.

    Raises:
        KeyError: an input that is no feature.

    >>> row(["rsi_14", "tfi", "direction"], {"rsi_14": 70.0, "tfi": None}, {}, direction=1, score=0.5)
    array([70., nan,  1.], dtype=float32)
    """
    own = {"direction": direction, "score": score}
    values: list[float] = []
    for name in inputs:
        value = own[name] if name in own else features[name]
        values.append(nan if value is None or name in tainted else value)
    return np.array(values, dtype=np.float32)
