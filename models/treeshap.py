"""Exact Shapley values of LightGBM's trees for one row, fast enough for the stream.

Lundberg, Erion, Lee, "Consistent individualized feature attribution for tree ensembles", 2018 (path-dependent), but by
another way: a leaf's game is a product over the path's features, so its Shapley value is an integral of a polynomial
(Owen, "Multilinear extensions of games", 1972), which Gauss-Legendre quadrature gives exactly.
"""

from itertools import accumulate, chain
from math import fsum, isfinite
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelRefused
from models.rows import LARGEST, Row

__all__ = ["TreeShap"]

_Floats = NDArray[np.float64]
_Whole = NDArray[np.intp]
_Flags = NDArray[np.bool_]
_ZERO: Final = 1e-35
"""What LightGBM takes for zero."""
_WHOLE: Final = ("split_feature", "decision_type", "left_child", "right_child")
_MOST_ROWS: Final = 2.0**53
_MOST_STEPS: Final = 1 << 20
"""From roots to leaves: with more a row takes seconds to explain."""


class _Step(NamedTuple):
    """A node on the way to a leaf."""

    node: int
    """Of all trees, counted on."""
    feature: int
    left: bool
    share: float
    """Of the node's training rows, those that went the same way."""


class _Tree(NamedTuple):
    features: list[int]
    thresholds: list[float]
    decisions: list[int]
    lefts: list[int]
    rights: list[int]
    counts: list[float]
    leaf_values: list[float]
    leaf_counts: list[float]

    def rows(self, child: int) -> float:
        """Training rows that came to a node, or a leaf."""
        return self.counts[child] if child >= 0 else self.leaf_counts[~child]


class TreeShap:
    """The trees of a LightGBM model, unrolled into their leaves' paths.

    ``values`` of a row and ``base`` sum to the raw score.

    Raises:
        ModelRefused: text of another form, with categorical splits, too large, or of what is no tree.
    """

    def __init__(self, text: str, width: int) -> None:
        try:
            trees = [_tree(section, width) for section in text.split("\nTree=")[1:]]
        except (KeyError, ValueError) as error:
            raise ModelRefused(f"model.txt is no model of LightGBM: {error}") from error
        if "\naverage_output" in text or not trees:
            raise ModelRefused("model.txt holds no boosted trees")
        if sum(map(_steps, trees)) > _MOST_STEPS:
            raise ModelRefused(f"model.txt has more than {_MOST_STEPS} steps to its leaves, too many to be explained")
        self._width = width
        self.base = fsum(_mean(tree) for tree in trees)
        """The mean score of the training rows."""
        self._feature: _Whole = np.array([f for tree in trees for f in tree.features], np.intp)
        self._threshold: _Floats = np.array([t for tree in trees for t in tree.thresholds])
        decisions: _Whole = np.array([d for tree in trees for d in tree.decisions], np.intp)
        self._default: _Flags = (decisions & 2) > 0
        missing = decisions >> 2 & 3
        self._zero: _Flags = missing == 1
        self._nan: _Flags = missing == 2
        self._unroll(trees)

    def _unroll(self, trees: list[_Tree]) -> None:
        values: list[float] = []
        players: list[dict[int, list[_Step]]] = []  # a leaf's steps by feature
        first = 0
        for tree in trees:
            for leaf, steps in _paths(tree, first):
                values.append(tree.leaf_values[leaf])
                by_feature: dict[int, list[_Step]] = {}
                for step in steps:
                    by_feature.setdefault(step.feature, []).append(step)
                players.append(by_feature)
            first += len(tree.features)
        depth = max(map(len, players), default=0)
        steps_in_order = [step for by_feature in players for steps in by_feature.values() for step in steps]
        self._node: _Whole = np.array([step.node for step in steps_in_order], np.intp)
        self._left: _Flags = np.array([step.left for step in steps_in_order], bool)
        lengths = [len(steps) for by_feature in players for steps in by_feature.values()]
        self._begin: _Whole = np.array([0, *accumulate(lengths[:-1])] if lengths else [], np.intp)
        places = [leaf * depth + at for leaf, by_feature in enumerate(players) for at in range(len(by_feature))]
        self._place: _Whole = np.array(places, np.intp)
        self._player: _Whole = np.array(list(chain.from_iterable(players)), np.intp)
        self._share: _Floats = np.array(
            [np.prod([step.share for step in steps]) for by_feature in players for steps in by_feature.values()]
        )
        self._leaf_value: _Floats = np.array(values)
        self._shares: _Floats = np.ones((len(values), depth))
        self._shares.reshape(-1)[self._place] = self._share
        nodes, weights = np.polynomial.legendre.leggauss(depth // 2 + 1)
        self._nodes = [(float(node + 1) / 2, float(weight) / 2) for node, weight in zip(nodes, weights, strict=True)]

    def values(self, row: Row) -> _Floats:
        """What each input adds to the raw score, beside `base`."""
        shares, leaves = self._shares, self._leaf_value
        if not self._place.size:
            return np.zeros(self._width)
        with np.errstate(invalid="ignore"):
            value = row.astype(np.float64)[self._feature]
            unknown = np.isnan(value)
            value = np.where(unknown & ~self._nan, 0.0, value)
            default = (self._nan & unknown) | (self._zero & (np.abs(value) <= _ZERO))
            goes_left = np.where(default, self._default, value <= self._threshold)
        follows = np.logical_and.reduceat(goes_left[self._node] == self._left, self._begin)
        gains = np.zeros_like(shares)
        gains.reshape(-1)[self._place] = follows - self._share
        total: _Floats = np.zeros_like(shares)
        for node, weight in self._nodes:
            factors = shares + node * gains
            total += (weight * leaves * factors.prod(axis=1))[:, np.newaxis] / factors
        total *= gains
        found: _Floats = np.bincount(self._player, total.reshape(-1)[self._place], self._width).astype(np.float64)
        return found


def _tree(section: str, width: int) -> _Tree:
    told: dict[str, str] = dict(line.split("=", 1) for line in section.splitlines()[1:] if "=" in line)
    if int(told.get("is_linear", "0")):
        raise ValueError("its leaves are linear")
    leaves, values = int(told["num_leaves"]), _floats(told["leaf_value"])
    if leaves == 1:
        tree = _Tree([], [], [], [], [], [], values, [1.0])
    else:
        features, decisions, lefts, rights = ([int(x) for x in told[name].split()] for name in _WHOLE)
        thresholds, counts = _floats(told["threshold"]), _floats(told["internal_count"])
        tree = _Tree(features, thresholds, decisions, lefts, rights, counts, values, _floats(told["leaf_count"]))
    _check(tree, leaves, width)
    return tree


def _check(tree: _Tree, leaves: int, width: int) -> None:
    """See that every node and leaf is reached by one way, and that all numbers can be worked with."""
    if [len(part) for part in tree] != [*[leaves - 1] * 6, leaves, leaves]:
        raise ValueError(f"a tree of {leaves} leaves has lists of other lengths")
    if not all(0 <= feature < width for feature in tree.features):
        raise ValueError(f"it splits on an input beyond the {width} there are")
    if not all(0 <= decision < 16 and not decision & 1 for decision in tree.decisions):
        raise ValueError("a kind of split, as a categorical one, is not known here")
    if not all(map(isfinite, tree.thresholds)) or not all(abs(value) <= LARGEST for value in tree.leaf_values):
        raise ValueError("a threshold is not finite, or a leaf's value no float32")
    if tree.features and sorted(tree.lefts + tree.rights) != [*range(-leaves, 0), *range(1, leaves - 1)]:
        raise ValueError("a node or a leaf is not the child of exactly one")
    for children in (tree.lefts, tree.rights):
        for node, child in enumerate(children):
            if 0 <= child <= node:
                raise ValueError(f"node {child} is below node {node}, and is numbered before it")
            if not 1 <= tree.rows(child) <= tree.counts[node] <= _MOST_ROWS:
                raise ValueError(f"node {node} has {tree.counts[node]:g} rows, its child {child} {tree.rows(child):g}")


def _steps(tree: _Tree) -> int:
    """From the root to all leaves, together."""
    depths, found = [0] * len(tree.features), 0
    for node, children in enumerate(zip(tree.lefts, tree.rights, strict=True)):
        for child in children:
            if child >= 0:
                depths[child] = depths[node] + 1
            else:
                found += depths[node] + 1
    return found


def _floats(text: str) -> list[float]:
    return [float(part) for part in text.split()]


def _mean(tree: _Tree) -> float:
    total = fsum(tree.leaf_counts)
    return fsum(value * count / total for value, count in zip(tree.leaf_values, tree.leaf_counts, strict=True))


def _paths(tree: _Tree, first: int) -> list[tuple[int, list[_Step]]]:
    """Each leaf with the steps to it; ``first`` is the number of the tree's first node."""
    if not tree.features:
        return [(0, [])]
    found: list[tuple[int, list[_Step]]] = []
    waiting: list[tuple[int, list[_Step]]] = [(0, [])]
    while waiting:
        node, steps = waiting.pop()
        if node < 0:
            found.append((~node, steps))
            continue
        for child, left in ((tree.lefts[node], True), (tree.rights[node], False)):
            share = tree.rows(child) / tree.counts[node]
            waiting.append((child, [*steps, _Step(first + node, tree.features[node], left, share)]))
    return found
