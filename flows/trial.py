"""A challenger against who serves: by what the stream's shadow said, or by outcomes that were held back for it."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Literal, NamedTuple

import numpy as np
from msgspec import Struct, field

from models.comparison import Comparison
from models.dataset import Dataset, given_up
from models.errors import ModelRefused
from models.manifest import Manifest
from models.registry import Model
from schemas.signals import Signal

__all__ = ["Bet", "Duel", "Judgement", "bets", "gated", "held_back", "judge", "tell"]


class Bet(NamedTuple):
    """What is held against one another of a candidate; see `Comparison.add`."""

    champion: float
    challenger: float
    win: bool | None
    decided: int
    ended: int


class Duel(Struct):
    """A comparison, and the span that it looked at."""

    comparison: Comparison = field(default_factory=Comparison)
    ts_start: int = 0
    """ns."""
    ts_end: int = 0

    def add(self, bet: Bet) -> None:
        """Take the next one, in order of their decision."""
        self.ts_start, self.ts_end = self.ts_start or bet.decided, max(self.ts_end, bet.ended)
        self.comparison.add(**bet._asdict())


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


def judge(data: Dataset, signals: Iterable[Signal], version: str, champion: str | None, base_rate: float) -> Duel:
    """The shadow ``version`` against who serves, by all `bets` on the two."""
    duel = Duel()
    for bet in bets(data, signals, version, champion, base_rate):
        duel.add(bet)
    return duel


def bets(
    data: Dataset, signals: Iterable[Signal], version: str, champion: str | None, base_rate: float
) -> Iterator[Bet]:
    """The shadow ``version`` against the ``champion``'s own probability, whatever others it was pooled with, wherever
    both were asked; or, where none serves, against ``base_rate``.

    These are all candidates of the life of the pair, in order of their decision, as far as it is known of every one
    what became of it. So the row of bets at one look is the beginning of that at the next, whatever is slow to end.
    """
    rows = {str(name): at for at, name in enumerate(data["id"])}
    asked = [one for one in signals if one.direction != "neutral" and one.ts_decided < data.manifest.open_from]
    for signal in sorted(asked, key=lambda one: (one.ts_decided, one.ts_event, one.timeframe, one.instrument_id)):
        said = {(one.version, one.shadow): one.probability for one in signal.models}
        shadow, told = said.get((version, True)), base_rate if champion is None else said.get((champion, False))
        if shadow is not None and told is not None:
            win, ended = _became(data, rows.get(signal.id), given_up(signal))
            yield Bet(told, shadow, win, signal.ts_decided, ended)


def _became(data: Dataset, row: int | None, until: int) -> tuple[bool | None, int]:
    """Whether it won, if that was known by ``until`` (ns), and when it was known."""
    if row is None or data["ts_end"][row] > until:
        return None, until
    return _won(data, row), int(data["ts_end"][row])


def _won(data: Dataset, row: int) -> bool | None:
    """Nothing came of it, too, where a missing bar hides what."""
    return None if data["status"][row] == "unfilled" or data["gap"][row] else bool(data["net_return"][row] > 0)


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
    decided, ended = data["ts_decided"], data["ts_end"]
    for row in np.flatnonzero((decided >= begin) & (decided < data.manifest.open_from)).tolist():
        instrument = str(data["instrument_id"][row])
        if all(_is_for(one.manifest, instrument) for one in both):
            with suppress(ModelRefused):  # who gives no number says nothing, as in the stream
                said = base_rate if champion is None else champion.probability(data.x[row, told])
                other, win = challenger.probability(data.x[row, asked]), _won(data, row)
                duel.add(Bet(said, other, win, int(decided[row]), int(ended[row])))
    return duel


def _is_for(manifest: Manifest, instrument_id: str) -> bool:
    names = {instrument_id, instrument_id.partition(":")[2]}
    return not manifest.instruments or not names.isdisjoint(manifest.instruments)


def _columns(data: Dataset, model: Model) -> list[int]:
    """Where what ``model`` sees of a row stands."""
    places = {name: at for at, name in enumerate(data.inputs)}
    return [places[name] for name in model.manifest.inputs]
