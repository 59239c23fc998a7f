"""A challenger against who serves: by what the stream's shadow said, or by outcomes that were held back for it."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from msgspec import Struct, field

from models.comparison import Comparison
from models.dataset import Dataset
from models.manifest import Manifest
from models.registry import Model
from models.splits import Rows
from schemas.signals import Signal

__all__ = ["Duel", "Judgement", "gated", "held_back", "judge", "outcomes", "tell"]


class Duel(Struct):
    """A comparison, and the span that it looked at."""

    comparison: Comparison = field(default_factory=Comparison)
    ts_start: int = 0
    """ns."""
    ts_end: int = 0

    def add(self, data: Dataset, row: int, champion: float, challenger: float) -> None:
        """Take the outcome of a row and what both gave it."""
        decided, ended = int(data["ts_decided"][row]), int(data["ts_end"][row])
        self.ts_start, self.ts_end = self.ts_start or decided, max(self.ts_end, ended)
        self.comparison.add(
            champion=champion, challenger=challenger, win=bool(data["net_return"][row] > 0), decided=decided,
            ended=ended,
        )  # fmt: skip


class Judgement(Struct, frozen=True):
    """What a comparison comes to."""

    verdict: Literal["better", "worse", "not decided"]
    why: str
    """The figures, in words."""


def tell(found: Comparison, where: str, against: str, least: int) -> Judgement:
    """The comparison in words; it needs ``least`` outcomes to be in the challenger's favour."""
    figures = f"{found.count} outcomes {where}, squared error smaller by {found.mean:.5f} than that of {against}"
    if found.worse:
        return Judgement("worse", f"{figures}: worse")
    if found.better and found.count >= least:
        return Judgement("better", f"{figures}: better")
    few = f", {least} are the least" if found.count < least else ""
    return Judgement("not decided", f"{figures}: not decided{few}")


def gated(found: Judgement, lacks: str) -> Judgement:
    """A version that is better and ``lacks`` what lets it serve, as somebody may have let it be asked all the same, is
    not promoted: that would be refused, and the round would end there.
    """
    return Judgement("not decided", f"{found.why}, but it {lacks}") if found.verdict == "better" and lacks else found


def outcomes(data: Dataset) -> Rows:
    """Rows of ``data`` in order of their decision, as far as every candidate's outcome must be known by now: of what
    came later only those are that were quick to end.
    """
    entered = np.flatnonzero(data["status"] != "unfilled")
    decided, ended = data["ts_decided"], data["ts_end"]
    longest = int((ended - decided).max(initial=0))
    return entered[decided[entered] <= data.manifest.ts_end - longest]


def judge(data: Dataset, signals: Mapping[str, Signal], version: str, champion: str | None, base_rate: float) -> Duel:
    """The shadow ``version`` against the ``champion``'s own probability, whatever others it was pooled with, wherever
    both were asked; or, where none serves, against ``base_rate``.

    These are all outcomes of the life of the pair, so the row of bets is one and the same at each look.
    """
    duel = Duel()
    for row in outcomes(data).tolist():
        signal = signals.get(str(data["id"][row]))
        said = {} if signal is None else {(one.version, one.shadow): one.probability for one in signal.models}
        shadow, told = said.get((version, True)), base_rate if champion is None else said.get((champion, False))
        if shadow is not None and told is not None:
            duel.add(data, row, told, shadow)
    return duel


def held_back(data: Dataset, since: int, challenger: Model, champion: Model | None, chosen: int) -> Duel:
    """``challenger`` against ``champion``, or the base rate that the tests of its walk-forward had where only the rules
    speak, as the desk would have asked both: about instruments that both are for, of what was decided from ``since``
    on, after the training of either and after ``chosen``, when it was decided that the champion serves (all ns).
    """
    both = [one for one in (challenger, champion) if one is not None]
    begin = max([since, chosen, *(one.manifest.train_end for one in both)])
    base_rate = challenger.manifest.figures.get("base_rate", 0.5)
    duel = Duel(ts_start=begin, ts_end=begin)
    asked, told = _columns(data, challenger), [] if champion is None else _columns(data, champion)
    for row in outcomes(data).tolist():
        instrument = str(data["instrument_id"][row])
        if data["ts_decided"][row] >= begin and all(_is_for(one.manifest, instrument) for one in both):
            said = base_rate if champion is None else champion.probability(data.x[row, told])
            duel.add(data, row, said, challenger.probability(data.x[row, asked]))
    return duel


def _is_for(manifest: Manifest, instrument_id: str) -> bool:
    names = {instrument_id, instrument_id.partition(":")[2]}
    return not manifest.instruments or not names.isdisjoint(manifest.instruments)


def _columns(data: Dataset, model: Model) -> list[int]:
    """Where what ``model`` sees of a row stands."""
    places = {name: at for at, name in enumerate(data.inputs)}
    return [places[name] for name in model.manifest.inputs]
