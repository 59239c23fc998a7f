"""A challenger against who serves: by what the stream's shadow said, or by outcomes that were held back for it."""

from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from models.comparison import Comparison
from models.dataset import Dataset
from models.registry import Model
from models.splits import Rows
from schemas.signals import Signal
from schemas.time import to_text

__all__ = ["Judgement", "held_back", "judge", "outcomes", "tell"]


class Judgement(Struct, frozen=True):
    """What a comparison comes to."""

    verdict: str
    """``better``, ``worse`` or ``not decided``."""
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


def outcomes(data: Dataset) -> Rows:
    """Rows of ``data`` in order of their decision, as far as every candidate's outcome must be known by now: of what
    came later only those are that were quick to end.
    """
    entered = np.flatnonzero(data["status"] != "unfilled")
    decided, ended = data["ts_decided"], data["ts_end"]
    longest = int((ended - decided).max(initial=0))
    return entered[decided[entered] <= data.manifest.ts_end - longest]


def judge(data: Dataset, signals: Mapping[str, Signal], version: str, base_rate: float) -> Comparison:
    """The shadow ``version`` against what was told, or ``base_rate`` where only the rules spoke."""
    comparison = Comparison()
    for row in outcomes(data).tolist():
        signal = signals.get(str(data["id"][row]))
        shadow = None if signal is None else next(
            (one for one in signal.models if one.shadow and one.version == version), None
        )  # fmt: skip
        if signal is not None and shadow is not None:
            spoken = any(not one.shadow for one in signal.models)
            _add(comparison, data, row, signal.confidence if spoken else base_rate, shadow.probability)
    return comparison


def held_back(data: Dataset, since: int, challenger: Model, champion: Model | None, least: int) -> Judgement:
    """``challenger`` against ``champion``, or the base rate of its training where only the rules speak, as the desk
    would have asked both of what was decided from ``since`` (ns) on, and after the training of either.
    """
    begin = max([since, *(one.manifest.train_end for one in (challenger, champion) if one is not None)])
    base_rate = challenger.manifest.figures.get("base_rate", 0.5)
    comparison, end = Comparison(), begin
    asked = _columns(data, challenger)
    told = None if champion is None else _columns(data, champion)
    for row in outcomes(data).tolist():
        if data["ts_decided"][row] >= begin and data["instrument_id"][row] in challenger.manifest.instruments:
            said = base_rate if champion is None else champion.probability(data.x[row, told])
            _add(comparison, data, row, said, challenger.probability(data.x[row, asked]))
            end = max(end, int(data["ts_end"][row]))
    against = "the base rate" if champion is None else champion.version
    return tell(comparison, f"held back ({to_text(begin)} to {to_text(end)})", against, least)


def _add(comparison: Comparison, data: Dataset, row: int, champion: float, challenger: float) -> None:
    comparison.add(
        champion=champion, challenger=challenger, win=bool(data["net_return"][row] > 0),
        decided=int(data["ts_decided"][row]), ended=int(data["ts_end"][row]),
    )  # fmt: skip


def _columns(data: Dataset, model: Model) -> list[int]:
    """Where what ``model`` sees of a row stands."""
    places = {name: at for at, name in enumerate(data.inputs)}
    return [places[name] for name in model.manifest.inputs]
