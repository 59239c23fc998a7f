"""Models that learn in the stream: River's scaled logistic regression and its Hoeffding adaptive tree."""

import pickle
import struct
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from math import isnan, nan
from typing import Any, Final

from models.ensemble import logit_of

__all__ = ["LOGISTIC", "TREE", "Learner", "online_inputs"]

LOGISTIC: Final = "online-logistic"
TREE: Final = "online-tree"
_DIRECTED: Final = {
    "rsi_14": 50.0, "tfi": 0.0, "obi_10": 0.0, "obi_10_mean": 0.0, "microprice_bps": 0.0, "bb_percent_b": 0.5,
    "return_1": 0.0, "return_5": 0.0, "return_20": 0.0, "vwap_distance": 0.0, "large_trade_imbalance": 0.0,
    "basis_z": 0.0, "funding_z": 0.0, "rs_btc_20": 0.0,
}  # fmt: skip
"""What speaks for one direction, and where it speaks for neither: a model sees it in the candidate's direction."""
_PLAIN: Final = ("adx_14", "spread_bps", "realised_volatility_20", "bb_width", "volume_z", "trade_rate_z", "vpin")
_INPUTS: Final = ("score", *_DIRECTED, *_PLAIN)
_ROW: Final = struct.Struct(f"<{len(_INPUTS)}d?d")
"""An outcome: inputs (NaN: not known), win, log loss of what was told (NaN: nothing)."""
_LOSS: Final = struct.Struct("<d")
_KEPT: Final = 4_000
"""Outcomes from which another version of the library learns again: 800 KB of every snapshot."""
_SEED: Final = 1
_SPLITS: Final = 4
"""Places at which the tree would cut an input, looked at in every leaf after each 200 labels: the most costly ones."""
_FORM: Final = 3
"""Of the models; what was learnt in another one is not theirs."""
_DELTA: Final = 1e-4
"""ADWIN's chance of a false alarm at a check; it checks every 32 labels."""


def online_inputs(
    features: Mapping[str, float | None], tainted: Mapping[str, str], *, direction: int, score: float
) -> dict[str, float]:
    """What the online models see of a candidate; what is not known or tainted is left out."""
    found = {"score": score}
    for name, neutral in _DIRECTED.items():
        value = features[name]
        if value is not None and name not in tainted:
            found[name] = direction * (value - neutral)
    for name in _PLAIN:
        value = features[name]
        if value is not None and name not in tainted:
            found[name] = value
    return found


class Learner:
    """Both models; deterministic, as the tree's randomness is seeded and part of the state.

    Its state is River's own, so it belongs to one version of the library. The last outcomes are kept beside it, in the
    order of the log, and another version learns from these again.
    """

    def __init__(self) -> None:
        self.relearnt: int | None = None
        """Outcomes that were learnt again as the state was of another version."""
        self._outcomes = bytearray()
        linear, preprocessing = import_module("river.linear_model"), import_module("river.preprocessing")
        self.version = f"{version('river')}, form {_FORM}"
        self._scaler: Any = preprocessing.StandardScaler()
        self._logistic: Any = linear.LogisticRegression(l2=1e-3)
        splitter: Any = import_module("river.tree.splitter").GaussianSplitter(n_splits=_SPLITS)
        # Shares of a leaf, no naive Bayes: inputs that go together count many times there, and it costs more.
        self._tree: Any = import_module("river.tree").HoeffdingAdaptiveTreeClassifier(
            splitter=splitter, leaf_prediction="mc", seed=_SEED
        )
        self._watches = _watches()
        self._packed: bytes | None = None

    def watch_anew(self) -> None:
        """Losses to come are those of others, and not held against the ones before."""
        self._watches, self._packed = _watches(), None

    def watch(self, loss: float) -> list[str]:
        """Take the log loss of what was told of an outcome; who says that losses have changed.

        ADWIN: Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", 2007; Page-Hinkley: Page,
        "Continuous inspection schemes", 1954, with River's defaults.
        """
        self._packed = None
        if self._outcomes:
            _LOSS.pack_into(self._outcomes, len(self._outcomes) - _LOSS.size, loss)
        found = []
        for name, detector in self._watches.items():
            detector.update(loss)
            if detector.drift_detected:
                found.append(name)
        return found

    def logits(self, inputs: Mapping[str, float]) -> dict[str, float]:
        """By model, of a net profit; one whose numbers have become none says nothing."""
        scaled = self._scaler.transform_one(inputs)
        told = {
            LOGISTIC: self._logistic.predict_proba_one(scaled)[True],
            TREE: self._tree.predict_proba_one(inputs).get(True, 0.5),
        }
        return {name: logit_of(probability) for name, probability in told.items() if not isnan(probability)}

    def terms(self, inputs: Mapping[str, float]) -> tuple[float, dict[str, float]]:
        """Intercept and terms of the logistic regression; they sum to its logit."""
        scaled = self._scaler.transform_one(inputs)
        weights = self._logistic.weights
        return float(self._logistic.intercept), {
            name: float(weights[name] * value) for name, value in scaled.items() if name in weights
        }

    def learn(self, inputs: Mapping[str, float], *, win: bool) -> None:
        """Take an outcome."""
        self._packed = None
        self._outcomes += _ROW.pack(*(inputs.get(name, nan) for name in _INPUTS), win, nan)
        if len(self._outcomes) > 2 * _KEPT * _ROW.size:
            del self._outcomes[: -_KEPT * _ROW.size]
        self._scaler.learn_one(inputs)
        self._logistic.learn_one(self._scaler.transform_one(inputs), win)
        self._tree.learn_one(inputs, win)

    def state(self) -> list[Any]:
        """The library's version, its own bytes and the outcomes; packed once a label, however often it is asked for."""
        if self._packed is None:
            self._packed = pickle.dumps((self._scaler, self._logistic, self._tree, self._watches), protocol=5)
        return [self.version, self._packed, bytes(self._outcomes[-_KEPT * _ROW.size :])]

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again; if it is of another version of the library, learn its outcomes again."""
        outcomes = state[2] if len(state) > 2 else b""  # none were kept before
        if state[0] == self.version:
            self._packed, self._outcomes = state[1], bytearray(outcomes)
            self._scaler, self._logistic, self._tree, self._watches = pickle.loads(state[1])  # noqa: S301, our own
            return
        self.relearnt = len(outcomes) // _ROW.size
        for *values, win, loss in _ROW.iter_unpack(outcomes):
            known = {name: value for name, value in zip(_INPUTS, values, strict=True) if not isnan(value)}
            self.learn(known, win=win)
            if not isnan(loss):
                self.watch(loss)


def _watches() -> dict[str, Any]:
    drift: Any = import_module("river.drift")
    return {"adwin": drift.ADWIN(delta=_DELTA), "page_hinkley": drift.PageHinkley()}
