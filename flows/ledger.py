"""The ledger of looks: an append-only file of every trial, and of every span that was looked at for one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from flows.appended import append, torn
from flows.errors import FlowError

__all__ = ["Compared", "Ledger", "Look", "Trial", "times", "tried"]


class Look(Struct, frozen=True, kw_only=True):
    """At what became of the candidates of some instruments in a span of time, whatever for."""

    at: str
    """When, ISO 8601."""
    command: str
    segment: str
    instruments: list[str] = []
    """Empty in lines of older programs: those of the segment."""
    ts_start: int
    """Of the span, ns."""
    ts_end: int

    def saw(self, other: "Look") -> bool:
        """Whether some of what ``other`` looks at was seen."""
        if self.instruments and other.instruments:
            same = any(_same(one, another) for one in self.instruments for another in other.instruments)
        else:
            same = self.segment == other.segment
        return same and self.ts_start < other.ts_end and other.ts_start < self.ts_end


class Trial(Look, frozen=True, kw_only=True):
    """One learner, with one configuration, held against one test span."""

    dataset: str
    """SHA-256 of its manifest."""
    learner: str
    config: str
    """SHA-256 of it."""
    passed: bool
    sharpe: float | None
    log_loss: float
    ic: float | None
    stretches: list[float]
    """What it would have earned in ten equal stretches of the span."""

    @property
    def what(self) -> tuple[object, ...]:
        """See `tried`."""
        return tried(self, self.learner, self.config, self.dataset)


class Compared(Look, frozen=True, kw_only=True):
    """A challenger held against a champion."""

    model: str
    challenger: str
    champion: str
    """Empty: the base rate."""
    verdict: Literal["better", "worse", "not decided"]
    outcomes: int
    gain: float
    """By how much the challenger's squared error was smaller."""


def _same(one: str, other: str) -> bool:
    """Whether two instruments, or symbols as manifests may have them, may be one."""
    return one in {other, other.partition(":")[2]} or other == one.partition(":")[2]


class _Kind(Struct):
    learner: str = ""
    challenger: str = ""


def times(looks: Sequence[Look], at: Look) -> int:
    """How often some of what ``at`` looks at was looked at in ``looks``; a command looks once."""
    return len({look.at for look in looks if look.saw(at)})


def tried(look: Look, learner: str, config: str, dataset: str) -> tuple[object, ...]:
    """What is tried at ``look``: a learner with a configuration, on data. Rounds of retraining choose no data, but take
    what there is; with another data set or test span by hand another strategy is tried, other costs, or another test.
    """
    chosen = () if look.command == "retrain" else (dataset, look.ts_start, look.ts_end)
    return learner, config, *chosen


class Ledger:
    """Lines of JSON, added under a lock, each one brought to the disk, none ever changed.

    What an add that died has left at the end is no line: nobody was told the figures of it, and the next add takes
    its place.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def looks(self) -> list[Look]:
        """All of them, trials and comparisons among them, oldest first.

        Raises:
            FlowError: the file cannot be read, or has a line that is none.
        """
        if not self._path.exists():
            return []
        try:
            data = self._path.read_bytes()
        except OSError as error:
            raise FlowError(f"ledger {self._path}: {error.strerror}") from error
        found: list[Look] = []
        for number, line in enumerate(data[: len(data) - len(torn(data, _decoded))].splitlines(), 1):
            try:
                found.append(_decoded(line))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                told = f"ledger {self._path}, line {number}: no trial, comparison or look: {error}"
                raise FlowError(told) from error
        return found

    def trials(self) -> list[Trial]:
        """The trials among the `looks`."""
        return [look for look in self.looks() if isinstance(look, Trial)]

    def challengers(self, model: str, champion: str) -> set[str]:
        """Versions that were compared to this champion of ``model``; empty: to the base rate."""
        found = [look for look in self.looks() if isinstance(look, Compared)]
        return {one.challenger for one in found if (one.model, one.champion) == (model, champion)}

    def add(self, looks: Sequence[Look]) -> None:
        """Append ``looks``.

        Raises:
            FlowError: the file cannot be written.
        """
        lines = b"".join(msgspec.json.encode(look) + b"\n" for look in looks)
        try:
            append(self._path, lines, _decoded)
        except OSError as error:
            raise FlowError(f"ledger {self._path}: {error.strerror}") from error


def _decoded(line: bytes) -> Look:
    kind = msgspec.json.decode(line, type=_Kind)
    if kind.learner:
        return msgspec.json.decode(line, type=Trial)
    return msgspec.json.decode(line, type=Compared if kind.challenger else Look)
