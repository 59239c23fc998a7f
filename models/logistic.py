"""The baseline: a logistic regression of standardised inputs, each also times the direction; it explains itself."""

from importlib import import_module
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from models.config import LinearConfig
from models.linear import Linear
from models.onnx_files import onnx_model
from models.sample import Sample

__all__ = ["REACH", "Terms", "fit_terms"]

REACH: Final = 5.0
"""Standard deviations beyond which an input says no more: one odd value must not decide alone."""
_FLAT: Final = 1e-12


class Terms(Struct, frozen=True):
    """The regression, and what its inputs are called."""

    inputs: list[str]
    linear: Linear

    @property
    def text(self) -> str:
        """As JSON."""
        return msgspec.json.encode(self.linear).decode()

    def logits(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Of rows."""
        return np.asarray(self.linear.base + self.linear.values(x).sum(axis=1))

    def importance(self) -> dict[str, float]:
        """Each input's share of the standardised weights' sum."""
        sizes = np.hypot(np.array(self.linear.weights), np.array(self.linear.signed))
        whole = sizes.sum()
        return dict(zip(self.inputs, (sizes / whole if whole else sizes).tolist(), strict=True))

    def onnx(self) -> bytes:
        """The same terms in float32."""
        helper: Any = import_module("onnx.helper")
        numpy_helper: Any = import_module("onnx.numpy_helper")
        linear = self.linear
        constants = {
            "means": np.array(linear.means), "scales": np.array(linear.scales), "low": np.array(-REACH),
            "high": np.array(REACH), "short": np.array(-1.0), "long": np.array(1.0),
            "weights": np.array(linear.weights)[:, np.newaxis],
            "which": np.eye(len(self.inputs))[:, [linear.direction]],
            "signed": np.array(linear.signed)[:, np.newaxis], "intercept": np.array([linear.intercept]),
        }  # fmt: skip
        nodes = [
            helper.make_node("IsNaN", ["input"], ["unknown"]),
            helper.make_node("Where", ["unknown", "means", "input"], ["known"]),
            helper.make_node("Sub", ["known", "means"], ["deviation"]),
            helper.make_node("Div", ["deviation", "scales"], ["far"]),
            helper.make_node("Clip", ["far", "low", "high"], ["standard"]),
            helper.make_node("MatMul", ["standard", "weights"], ["plain"]),
            helper.make_node("MatMul", ["standard", "signed"], ["turned"]),
            helper.make_node("Clip", ["known", "short", "long"], ["bounded"]),  # infinite times 0 would be no number
            helper.make_node("MatMul", ["bounded", "which"], ["direction"]),
            helper.make_node("Mul", ["turned", "direction"], ["own"]),
            helper.make_node("Add", ["plain", "own"], ["sum"]),
            helper.make_node("Add", ["sum", "intercept"], ["logit"]),
        ]
        tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
        return onnx_model(nodes, tensors, len(self.inputs))


def fit_terms(fit: Sample, config: LinearConfig) -> Terms:
    """The regression of ``fit``, each input once as it is and once times the direction."""
    wide = fit.x.astype(np.float64)
    known = ~np.isnan(wide)
    counts = np.maximum(known.sum(axis=0), 1)  # an input may be known later only
    means = np.where(known, wide, 0.0).sum(axis=0) / counts
    means = means.astype(np.float32).astype(np.float64)  # so that not known is exactly the mean in ONNX as well
    scales = np.sqrt(np.where(known, (wide - means) ** 2, 0.0).sum(axis=0) / counts)
    scales = np.where(scales > _FLAT, scales, 1.0)
    linear: Any = import_module("sklearn.linear_model")
    model = linear.LogisticRegression(C=config.c, max_iter=500)
    z, direction = _standard(fit.x, means, scales), fit.inputs.index("direction")
    model.fit(np.hstack([z, z * wide[:, [direction]]]), fit.win, sample_weight=fit.weights())
    plain, signed = np.split(model.coef_[0], 2)
    return Terms(
        fit.inputs,
        Linear(
            means=[*map(float, means)], scales=[*map(float, scales)], weights=[*map(float, plain)],
            intercept=float(model.intercept_[0]), reach=REACH, signed=[*map(float, signed)], direction=direction,
        ),
    )  # fmt: skip


def _standard(x: NDArray[np.float32], means: NDArray[np.float64], scales: NDArray[np.float64]) -> NDArray[np.float64]:
    z = np.clip((x.astype(np.float64) - means) / scales, -REACH, REACH)
    return np.asarray(np.where(np.isnan(z), 0.0, z))
