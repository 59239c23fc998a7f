"""From a row of inputs to a raw score, by the bytes of a version's files."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from models.errors import ModelRefused
from models.linear import decode_linear
from models.manifest import Manifest
from models.onnx_rules import check_onnx
from models.rows import Row

__all__ = ["Scorer", "scorer_of"]


class Scorer(Protocol):
    """What a model does in the stream."""

    def score(self, row: Row, /) -> float:
        """The raw score of one row of float32, NaN where a value is not known."""
        ...


class _OnnxScorer:
    """One row at a time on one thread: with more of either, sums are made in another order and bits differ."""

    def __init__(self, data: bytes) -> None:
        onnxruntime: Any = import_module("onnxruntime")  # not before there is a model
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its many errors have no root of their own
            raise ModelRefused(f"model.onnx cannot be run: {str(error).splitlines()[0]}") from error
        self._run: Any = session.run

    def score(self, row: Row, /) -> float:
        """See `Scorer`."""
        (found,) = self._run(["score"], {"input": row[np.newaxis]})
        return float(found.reshape(-1)[0])


def scorer_of(manifest: Manifest, files: Mapping[str, bytes]) -> Scorer:
    """The scorer in ``files``.

    Raises:
        ModelRefused: they hold something else.
    """
    width = len(manifest.inputs)
    if manifest.kind == "logistic":
        return decode_linear(files["model.json"], width)
    check_onnx(files["model.onnx"], width)
    return _OnnxScorer(files["model.onnx"])
