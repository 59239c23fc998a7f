"""What is lost where the last outcomes are learnt again, not all: `python -m benchmarks.relearning SET`."""

import argparse
from collections import defaultdict
from math import isnan
from pathlib import Path
from typing import Final

import numpy as np

from models.dataset import Dataset, load
from models.ensemble import log_loss, sigmoid
from models.online import Learner, online_inputs

__all__ = ["main"]

_AHEAD: Final = 1_000
"""Outcomes after it that both are asked about."""
_Told = tuple[dict[str, float], bool]


def outcomes(data: Dataset) -> list[_Told]:
    """What the online models would have learnt of a data set, in the order of its labels' ends."""
    entered = np.flatnonzero(data["status"] != "unfilled")
    found = []
    for row in entered[np.argsort(data["ts_end"][entered], kind="stable")]:
        values = dict(zip(data.inputs, data.x[row].tolist(), strict=True))
        known = {name: None if isnan(value) else value for name, value in values.items()}
        inputs = online_inputs(known, {}, direction=int(values["direction"]), score=min(1.0, abs(values["score"])))
        found.append((inputs, bool(data["net_return"][row] > 0)))
    return found


def compared(told: list[_Told], kept: int, begins: list[int]) -> dict[str, list[tuple[float, float, float]]]:
    """By model, of each of `_AHEAD` outcomes from each of ``begins`` on: the log loss of who learnt all, of who learnt
    the last ``kept`` again, and how far their probabilities are apart. Both go on learning.
    """
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    whole, others = Learner(), dict[int, Learner]()
    for at, (inputs, win) in enumerate(told):
        if at in begins:
            others[at] = Learner()
            for before in told[at - kept : at]:
                others[at].learn(before[0], win=before[1])
        one = whole.logits(inputs)
        others = {begin: other for begin, other in others.items() if at < begin + _AHEAD}
        for other in others.values():
            for name, logit in other.logits(inputs).items():
                apart = abs(sigmoid(logit) - sigmoid(one[name]))
                found[name].append((log_loss(one[name], win=win), log_loss(logit, win=win), apart))
            other.learn(inputs, win=win)
        whole.learn(inputs, win=win)
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relearning", description=__doc__)
    parser.add_argument("set", type=Path, help="as `candlewick dataset` writes it")
    parser.add_argument("--kept", type=int, default=4_000, help="outcomes that are learnt again")
    parser.add_argument("--places", type=int, default=5, help="in the data set at which that is done")
    asked = parser.parse_args()
    told = outcomes(load(asked.set))
    if len(told) < 2 * asked.kept + _AHEAD:
        parser.error(f"{asked.set}: {len(told)} outcomes, at least {2 * asked.kept + _AHEAD} are needed")
    print(f"{len(told):,} outcomes; log loss of {asked.places} times {_AHEAD:,} after {asked.kept:,} learnt again")  # noqa: T201, this is a command
    begins = np.linspace(2 * asked.kept, len(told) - _AHEAD, asked.places).astype(int).tolist()
    for name, rows in compared(told, asked.kept, begins).items():
        whole, again, apart = np.mean(rows, axis=0)
        print(f"{name:16} all {whole:.4f}  the last {again:.4f}  probabilities apart {apart:.3f}")  # noqa: T201, the same


if __name__ == "__main__":
    main()
