"""From a row of inputs to a logit, by the bytes of an ONNX file."""

from importlib import import_module
from typing import Any

import numpy as np

from models.errors import ModelRefused
from models.onnx_rules import check_onnx
from models.rows import Row

__all__ = ["Scorer"]


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
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its many errors have no root of their own
            raise ModelRefused(f"model.onnx cannot be run: {str(error).splitlines()[0]}") from error
        self._run: Any = session.run

    def logit(self, row: Row) -> float:
        """Of one row of float32, NaN where a value is not known; not calibrated."""
        (found,) = self._run(["logit"], {"input": row[np.newaxis]})
        return float(found.reshape(-1)[0])
