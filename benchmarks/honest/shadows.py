"""The comparison of a shadow with who serves, on outcomes whose probabilities are known."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from math import exp, sqrt
from typing import Any, Final, NamedTuple

import numpy as np
from msgspec.structs import replace

from benchmarks.honest.markets import Floats, slow, strength
from flows.trial import Judgement, judge, tell
from models.costs import Costs
from models.dataset import Dataset, Manifest
from schemas.signals import ModelOpinion, Signal
from schemas.time import DAY, MINUTE

__all__ = ["EDGES", "EQUALS", "Race", "decided_after", "gain", "race", "year_of_rounds"]

_special: Any = import_module("scipy.special")
_START: Final = 1_672_531_200 * 10**9
_BAR: Final = 5 * MINUTE
_A_DAY: Final = 40
"""Outcomes of all instruments together."""
_DAYS: Final = 365
_ROUND: Final = 7
"""Days between two looks."""
_LEAST: Final = 100
_INSTRUMENTS: Final = 5
_SHARED: Final = 0.9
"""Of the variance of each instrument's price."""
_LONGEST: Final = 96
"""Bars until an outcome is known: 8 hours."""
_OFF: Final = 0.1
"""Standard deviation of an error of a probability."""
_CHAMPION, _SHADOW = "champion", "shadow"

EQUALS: Final = ("errors opposite at every moment", "errors of their own that stay for a day")
EDGES: Final[dict[str, tuple[float | None, float]]] = {
    "an AUC of 0.60 against the base rate": (None, 0.60),
    "an AUC of 0.55 against the base rate": (None, 0.55),
    "an AUC of 0.60 against one of 0.58": (0.58, 0.60),
}
"""Areas under the ROC curves of champion (``None``: the base rate) and shadow."""


class Race(NamedTuple):
    """Outcomes in order of their decision, their true probabilities, and what both said."""

    p: Floats
    champion: Floats
    shadow: Floats
    data: Dataset
    signals: list[Signal]


def race(name: str, seed: int, outcomes: int) -> Race:
    """One of `EQUALS` or `EDGES`.

    Candidates of five instruments that are nearly one, all on the same side for hours, end after 10 minutes to 8 hours
    by where the price went since: outcomes that overlap share what moved it. Each is won with exactly its probability,
    given all that was known when it was decided.
    """
    random = np.random.default_rng(seed)
    bars = outcomes * DAY // _A_DAY // _BAR
    at = np.sort(random.integers(0, bars, outcomes))
    lasts = random.integers(2, _LONGEST + 1, outcomes)
    coin = random.integers(0, _INSTRUMENTS, outcomes)
    steps = random.normal(size=(_INSTRUMENTS + 1, bars + _LONGEST))
    moves = sqrt(_SHARED) * steps[0] + sqrt(1 - _SHARED) * steps[1:]
    path = np.concatenate([np.zeros((_INSTRUMENTS, 1)), np.cumsum(moves, axis=1)], axis=1)
    side = np.sign(slow(random, bars, 1)[at, 0])
    gone = side * (path[coin, at + lasts] - path[coin, at]) / np.sqrt(lasts)
    knows = slow(random, bars, 1)[at, 0]
    p, champion, shadow = _said(name, knows, at, bars, random)
    data = _data(at, lasts, won=_special.ndtr(gone) < p)
    return Race(p, champion, shadow, data, _signals(data, champion, shadow))


def gain(found: Race) -> float:
    """By how much the shadow's squared error is smaller in the mean."""
    return float(np.mean((found.champion - found.p) ** 2 - (found.shadow - found.p) ** 2))


def year_of_rounds(name: str, seed: int) -> str:
    """The verdict at which rounds end, one a week, on a shadow in the stream of a year; or that of the last of them."""
    found = race(name, seed, _DAYS * _A_DAY)
    verdict = ""
    for day in range(_ROUND, _DAYS + 1, _ROUND):
        verdict = _look(found, _START + day * DAY).verdict
        if verdict != "not decided":
            break
    return verdict


def decided_after(name: str, seed: int, counts: Sequence[int]) -> int | None:
    """After which of ``counts`` (rising) of outcomes the shadow is found to be better, if it is."""
    found = race(name, seed, counts[-1])
    ends = np.sort(found.data["ts_end"])
    verdicts = ((count, _look(found, int(ends[count - 1])).verdict) for count in counts)
    return next((count for count, verdict in verdicts if verdict == "better"), None)


def _look(found: Race, now: int) -> Judgement:
    """A round at ``now`` (ns): what is known by then is made a data set of, and judged."""
    duel = judge(found.data.before(now + 1), found.signals, _SHADOW, _CHAMPION, 0.5)
    return tell(duel.comparison, "in the shadow", _CHAMPION, _LEAST)


def _said(name: str, knows: Floats, at: Any, bars: int, random: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """True probabilities, the champion's and the shadow's."""
    if name in EDGES:
        worth, more = EDGES[name]
        known = 0.0 if worth is None else strength(worth)  # of what the shadow knows, the champion knows a part
        rest = sqrt(strength(more) ** 2 - known**2)
        p = _chance(known * knows + rest * slow(random, bars, 1)[at, 0])
        return p, _chance(known * knows), p
    p = _chance(strength() * knows)
    if name == EQUALS[0]:
        off = np.clip(_OFF * slow(random, bars, 1)[at, 0], -np.minimum(p, 1 - p), np.minimum(p, 1 - p))
        return p, p - off, p + off
    own = _OFF / 0.25 * slow(random, bars, 2, exp(-_BAR / DAY))[at]
    return p, _chance(strength() * knows + own[:, 0]), _chance(strength() * knows + own[:, 1])


def _chance(logit: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logit)))


def _data(at: Any, lasts: Any, *, won: Any) -> Dataset:
    decided = _START + at.astype(np.int64) * _BAR
    columns = {
        "id": np.array([str(number) for number in range(len(at))]), "status": np.full(len(at), "exited"),
        "gap": np.zeros(len(at), bool),
        "ts_decided": decided, "ts_end": decided + lasts * _BAR, "net_return": np.where(won, 0.01, -0.01),
    }  # fmt: skip
    manifest = Manifest(
        version=1, ts_start=_START, ts_end=int(columns["ts_end"].max()), instruments=[], strategies={}, schema_hash="",
        context_hash="", inputs={}, rows=len(at), labels=len(at), wins=int(won.sum()), vetoed=0, costs=Costs(), bars={},
        holes=[], open_from=int(columns["ts_end"].max()) + 1, sources={}, rows_hash="",
    )  # fmt: skip
    return Dataset(manifest, columns, np.zeros((len(at), 0), np.float32))


def _signals(data: Dataset, champion: Floats, shadow: Floats) -> list[Signal]:
    base, said = _signal(), zip(champion.tolist(), shadow.tolist(), strict=True)
    return [
        replace(base, id=name, ts_event=decided, ts_decided=decided, models=[*_opinions(*both)])
        for name, decided, both in zip(data["id"].tolist(), data["ts_decided"].tolist(), said, strict=True)
    ]


def _opinions(champion: float, shadow: float) -> Iterator[ModelOpinion]:
    yield ModelOpinion(model="m", version=_CHAMPION, probability=champion, weight=1.0)
    yield ModelOpinion(model="m", version=_SHADOW, probability=shadow, weight=0.0, shadow=True)


@lru_cache
def _signal() -> Signal:
    """That of any candidate: only what models said of it is looked at."""
    return Signal(
        id="", instrument_id="x:y", timeframe="5m", strategy="", strategy_version="", direction="long", confidence=0.5,
        calibrated=True, horizon=_LONGEST * _BAR, entry_low=1.0, entry_high=1.0, stop=1.0, targets=[1.0, 1.0, 1.0],
        risk_reward=1.0, size=None, ts_event=0, ts_decided=0, expiry=0, key_factors=[], explanation="", models=[],
        schema_hash="", quality=[], bid=1.0, ask=1.0, status="candidate",
    )  # fmt: skip
