"""What a candidate costs the desk where models speak: `python -m benchmarks.models`."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import lightgbm
import numpy as np
import typer
from msgspec.structs import replace

from models.ensemble import Ensemble
from models.manifest import Manifest
from models.online import Learner, online_inputs
from models.registry import Catalogue, Model
from models.rows import row as row_of
from models.scorer import Scorer
from models.trained import Golden
from models.treeshap import TreeShap
from operators.desk.opinions import of_batch, of_learner, together
from operators.desk.serving import PROGRAM
from operators.features import NAMES
from tests.models.trees import to_onnx, trained

__all__ = ["main", "version_for"]

_ROUNDS: Final = 2_000
_PASSES: Final = 5
"""Of the same step: what another program on the machine does to one of them is not its cost."""
_TREES: Final = 200
_LEAVES: Final = 31


def main() -> None:
    """Print the figures."""
    manifest, files = version_for(PROGRAM)
    inputs, width = manifest.inputs, len(manifest.inputs)
    shap = TreeShap(files["model.txt"].decode(), width)
    model = Model("0" * 16, manifest, Scorer(files["model.onnx"], width), shap, files)
    random = np.random.default_rng(2)
    rows = random.normal(size=(_ROUNDS, width))
    wins = rows[:, 0] + rows[:, 1] * rows[:, 2] + random.normal(size=len(rows)) > 0
    learner, ensemble = Learner(), Ensemble()
    features: list[dict[str, float | None]] = [dict(zip(NAMES, map(float, one), strict=False)) for one in rows]
    for told in features:
        told["rs_btc_20"] = 0.1
    trusted = frozenset({"batch"})

    def judged(at: int, *, explain: bool) -> None:
        told = features[at]
        row = row_of(inputs, told, {}, direction=1, score=0.5)
        words = {"batch": of_batch(model, row, explain=explain)}
        words |= of_learner(learner, online_inputs(told, {}, direction=1, score=0.5), told)
        pooled = ensemble.pool({name: word.logit for name, word in words.items()}, trusted)
        assert pooled is not None
        whole = together(words, pooled, ensemble.slope)
        whole.opinion(1.0, explain=explain)
        for name, word in words.items():
            word.opinion(pooled.weights[name], explain=explain)

    def learn(at: int, learner: Learner, ensemble: Ensemble) -> None:
        learner.learn(online_inputs(features[at], {}, direction=1, score=0.5), win=bool(wins[at]))
        ensemble.learn(
            {"batch": 0.1, "online-logistic": 0.2, "online-tree": 0.0}, win=bool(wins[at]), score=0.3 * rows[at, 0]
        )
        learner.watch(0.69)

    typer.echo(f"{len(inputs)} inputs, {_TREES} trees of {_LEAVES} leaves, {_ROUNDS} rounds")
    typer.echo(f"CPU in us, each the middle one of {_PASSES} that do the same: median, mean, p99, p99.9")
    copies = [(learner, ensemble), *((Learner(), Ensemble()) for _ in range(_PASSES - 1))]
    _tell("an outcome learnt online", [partial(learn, learner=one, ensemble=other) for one, other in copies])
    _tell("a candidate judged by all", [partial(judged, explain=False)] * _PASSES)
    _tell("the same with contributions", [partial(judged, explain=True)] * _PASSES)


def version_for(catalogue: Catalogue) -> tuple[Manifest, dict[str, bytes]]:
    """A version of as many inputs and trees as there may be, of rows that mean nothing, for the registry."""
    random = np.random.default_rng(1)
    inputs = [*NAMES, "direction", "score"]
    rows = random.normal(size=(6_000, len(inputs))).astype(np.float32)
    wins = (rows[:, 0] + rows[:, 1] * rows[:, 2] + random.normal(size=len(rows)) > 0).astype(int)
    options = {"objective": "binary", "num_leaves": _LEAVES, "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(options, lightgbm.Dataset(rows, wins), _TREES)
    manifest = trained(catalogue=catalogue).manifest
    scores = np.asarray(booster.predict(rows[:1], raw_score=True), float).tolist()
    golden = [
        Golden(inputs=row, logit=score, probability=manifest.calibration.probability(score))
        for row, score in zip(rows[:1].tolist(), scores, strict=True)
    ]
    return replace(manifest, inputs=inputs, golden=golden), {
        "model.onnx": to_onnx(booster).SerializeToString(), "model.txt": booster.model_to_string().encode(),
    }  # fmt: skip


def _tell(what: str, steps: Sequence[Callable[[int], None]]) -> None:
    passes = []
    for step in steps:
        taken = []
        for at in range(_ROUNDS):
            began = time.thread_time()
            step(at)
            taken.append(time.thread_time() - began)
        passes.append(taken)
    taken = np.median(passes, axis=0).tolist()
    middle, late, last = np.percentile(taken, [50, 99, 99.9])
    typer.echo(f"{what:30} {middle * 1e6:9.1f} {np.mean(taken) * 1e6:9.1f} {late * 1e6:9.1f} {last * 1e6:9.1f}")


if __name__ == "__main__":
    main()
