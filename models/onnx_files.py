"""ONNX files of ours: one input of float32 rows, one logit a row, all in one file of pinned versions."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

__all__ = ["OPSETS", "onnx_model"]

OPSETS: Final = {"": 17, "ai.onnx.ml": 3}
_IR: Final = 8
"""Of the file format; what ONNX Runtime has read since 1.10."""


def onnx_model(nodes: Sequence[Any], initializers: Sequence[Any], width: int) -> bytes:
    """The file of ``nodes`` from ``input`` (rows, ``width``) to ``logit`` (rows, 1)."""
    helper: Any = import_module("onnx.helper")
    kind: Any = import_module("onnx").TensorProto.FLOAT
    graph = helper.make_graph(
        nodes, "candlewick", [helper.make_tensor_value_info("input", kind, [None, width])],
        [helper.make_tensor_value_info("logit", kind, [None, 1])], list(initializers),
    )  # fmt: skip
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR, producer_name="candlewick")
    import_module("onnx.checker").check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
