"""From a row of inputs to a logit, by the bytes of an ONNX file."""

import re
from importlib import import_module
from math import isfinite
from typing import Any, Final

import numpy as np

from models.errors import ModelRefused
from models.onnx_rules import check_onnx
from models.rows import Row

__all__ = ["Scorer"]

_TOLD: Final = 300
"""Characters of an error of ONNX Runtime."""
_SIGNATURE: Final = re.compile(r"/onnxruntime_src/.*\] ")
"""Where it arose: a whole template of C++."""


class Scorer:
    """One row at a time on one thread: with more of either, sums are made in another order and bits differ.

    Parameters:
        data: the ONNX file.
        width: inputs.

    Raises:
        ModelRefused: it is none that may be run.
    """

    def __init__(self, data: bytes, width: int) -> None:
        check_onnx(data, width)
        onnxruntime: Any = import_module("onnxruntime")  # not before there is a model
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what is wrong is our error's to tell
        try:
            session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        except Exception as error:  # its many errors have no root of their own
            raise _refused(error) from error
        self._run: Any = session.run

    def logit(self, row: Row) -> float:
        """Of one row of float32, NaN where a value is not known; not calibrated.

        Raises:
            ModelRefused: it cannot be run, or gives anything but one float32 that is finite.
        """
        try:
            (found,) = self._run(["logit"], {"input": row[np.newaxis]})
        except Exception as error:
            raise _refused(error) from error
        if found.shape != (1, 1) or found.dtype != np.float32:
            raise ModelRefused(f"model.onnx gives {found.dtype} of shape {found.shape} for one row, not one float32")
        logit = float(found[0, 0])
        if not isfinite(logit):
            raise ModelRefused(f"model.onnx gives {logit} for a row")
        return logit


def _refused(error: Exception) -> ModelRefused:
    told = str(error).splitlines() or [type(error).__name__]
    return ModelRefused(f"model.onnx cannot be run: {_SIGNATURE.sub('', told[0])[:_TOLD]}")
