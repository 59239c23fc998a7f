"""What an ONNX file may hold to be loaded: trees and a little arithmetic, all of it inside the file."""

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

from models.errors import ModelRefused

__all__ = ["OPERATORS", "check_onnx"]

OPERATORS: Final = frozenset(
    {
        *(("ai.onnx.ml", name) for name in ("Imputer", "LinearRegressor", "Scaler", "TreeEnsembleRegressor")),
        *(("", name) for name in ("Add", "Cast", "Clip", "Concat", "Constant", "Div", "Gemm", "Identity", "IsNaN")),
        *(("", name) for name in ("MatMul", "Mul", "ReduceSum", "Reshape", "Sub", "Where")),
    }
)
"""Domain and name."""


def check_onnx(data: bytes, width: int) -> None:
    """See that ``data`` is a model of ``width`` inputs that needs nothing but itself and `OPERATORS`.

    Raises:
        ModelRefused: the first thing about it that is not so.
    """
    onnx: Any = import_module("onnx")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's, and whatever its parser trips over
        raise ModelRefused(f"model.onnx is no ONNX model: {error}") from error
    graph = model.graph
    if model.functions or model.training_info or graph.sparse_initializer:
        raise ModelRefused("model.onnx: functions, training information and sparse tensors are not allowed")
    for node in graph.node:
        if (node.domain, node.op_type) not in OPERATORS:
            raise ModelRefused(f"model.onnx: operator {node.domain or 'ai.onnx'}:{node.op_type} is not known")
        if node.op_type == "TreeEnsembleRegressor":
            _check_trees(node)
    for tensor in _tensors(graph):
        if tensor.data_location != onnx.TensorProto.DEFAULT or tensor.external_data:
            raise ModelRefused(f"model.onnx: tensor {tensor.name or 'without a name'} lies in another file")
    (given, *more), outputs = [*graph.input] or [None], [output.name for output in graph.output]
    if given is None or more or given.name != "input" or outputs != ["logit"]:
        raise ModelRefused("model.onnx: it has to take one tensor, input, and give one, logit")
    kind = given.type.tensor_type
    if kind.elem_type != onnx.TensorProto.FLOAT or [part.dim_value for part in kind.shape.dim][1:] != [width]:
        raise ModelRefused(f"model.onnx: input has to be float32 of {width} columns")


def _check_trees(node: Any) -> None:
    """See that nothing is below two nodes: ONNX Runtime would go round in a circle for ever."""
    told = {each.name: each for each in node.attribute}
    try:
        trees, modes = told["nodes_treeids"].ints, told["nodes_modes"].strings
        sides = told["nodes_truenodeids"].ints, told["nodes_falsenodeids"].ints
        rows = list(zip(trees, modes, *sides, strict=True))
    except (KeyError, ValueError) as error:
        raise ModelRefused(f"model.onnx: its trees are not whole: {error}") from error
    above = Counter((tree, child) for tree, mode, *children in rows if mode != b"LEAF" for child in children)
    for (tree, child), count in above.most_common(1):
        if count > 1:
            raise ModelRefused(f"model.onnx: in tree {tree} node {child} is below {count} others")


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs or attribute.HasField("sparse_tensor"):
                raise ModelRefused(f"model.onnx: {node.op_type} holds a graph of its own")
            yield from attribute.tensors
            if attribute.HasField("t"):
                yield attribute.t
