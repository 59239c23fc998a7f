"""Whether a challenger is better than the champion: a question that may be asked after each outcome."""

from typing import Final

from msgspec import Struct, field

__all__ = ["Comparison"]

_MOST: Final = 0.75
"""Of the wealth, that a table of bets can lose at worst."""
_CERTAIN: Final = 20.0
"""Wealth at which the null is given up: its chance of ever being reached is 1 / 20."""
_OPEN: Final = 3
"""Mean durations of an outcome for which a table takes bets: shorter, and more time goes by waiting; longer, and more
bets have to share what may be lost."""


class _Bettor(Struct):
    wealth: float = 1.0
    most: float = 1.0
    stake: float = 0.0
    """On each unit of gain, of the wealth when the table was opened."""
    exposed: float = 0.0
    """What is lost if every bet of the table is."""
    won: float = 0.0
    offered: float = 0.0
    """What this table could lose at a stake of 1."""
    tables: int = 0
    ever: float = 0.0
    """The same of all tables before."""

    def bet(self, gain: float, worst: float) -> None:
        self.offered += worst
        if self.exposed + self.stake * worst <= _MOST:
            self.exposed += self.stake * worst
            self.won += self.stake * gain

    def settle(self, wanted: float) -> None:
        self.wealth *= 1.0 + self.won
        self.most = max(self.most, self.wealth)
        self.tables += self.offered > 0
        self.ever += self.offered
        self.stake = min(max(wanted, 0.0), _MOST * self.tables / self.ever) if self.ever else 0.0
        self.exposed = self.won = self.offered = 0.0


class Comparison(Struct, kw_only=True):
    """Differences of squared errors (Brier scores) as bets: that the challenger's is smaller on average, and that it is
    larger. Outcomes are taken in order of their decision.

    Outcomes overlap: what is decided while others are open may end as they do, and a bet on it by what those came to
    would be a bet on what is known. So bets are taken by the table: all that is decided in the time of three mean
    outcomes, with stakes by the tables before; and the next one opens when every bet of the last is settled. What is
    decided in between is left out. Whether a candidate is bet on is known when it is decided: one that is then not
    entered has taken its place at the table, and neither wins nor loses. Wealth that starts at 1 and is bet by what was
    known is a supermartingale where the null holds, so it reaches 20 with a chance of at most 1 / 20 however often one
    looks (Ville). Stakes are those of Waudby-Smith and Ramdas, "Estimating means of bounded random variables by
    betting", 2024 (aGRAPA), over forecasts as in Choe and Ramdas, "Comparing sequential forecasters", 2023.

    >>> comparison = Comparison()
    >>> for at in range(60):
    ...     comparison.add(champion=0.5, challenger=0.9, win=True, decided=at, ended=at + 1)
    >>> comparison.better, comparison.worse
    (True, False)
    """

    count: int = 0
    """Outcomes of the tables; nothing was bet on those that a table could no longer afford, nor in the first one."""
    total: float = 0.0
    tables: int = 0
    """Settled ones."""
    _sums: float = 0.0
    _squares: float = 0.0
    """Of the gains of a table."""
    _until: int = 0
    _busy: int = 0
    """When its last outcome is known."""
    _durations: int = 0
    _gain: float = 0.0
    _for: _Bettor = field(default_factory=_Bettor)
    _against: _Bettor = field(default_factory=_Bettor)

    @property
    def mean(self) -> float:
        """By how much the challenger's squared error is smaller."""
        return self.total / self.count if self.count else 0.0

    @property
    def better(self) -> bool:
        """Whether it was ever certain that the challenger is."""
        return self._for.most >= _CERTAIN

    @property
    def worse(self) -> bool:
        """The same of the champion."""
        return self._against.most >= _CERTAIN

    def add(self, *, champion: float, challenger: float, win: bool | None, decided: int, ended: int) -> None:
        """Take an outcome and what both had given it; when it was decided and when it was known, ns; ``None``: nothing
        came of it.
        """
        if decided >= max(self._until, self._busy):
            self._settle()
            self._until = decided + (_OPEN * self._durations // self.count if self.count else 0)
        elif decided >= self._until:
            return
        won = (champion - 1) ** 2 - (challenger - 1) ** 2
        lost = champion**2 - challenger**2
        gain = 0.0 if win is None else won if win else lost
        self._for.bet(gain, -min(won, lost, 0.0))
        self._against.bet(-gain, max(won, lost, 0.0))
        self._gain += gain
        self._busy = max(self._busy, ended)
        if win is not None:
            self._durations += ended - decided
            self.count += 1
            self.total += gain

    def _settle(self) -> None:
        """Close the table, and set the stakes of the next one."""
        self.tables += self.count > 0
        self._sums += self._gain
        self._squares += self._gain**2
        stake = self._sums / (self.tables + 1) / (self._squares / self.tables) if self._squares else 0.0
        self._for.settle(stake)
        self._against.settle(-stake)
        self._gain = 0.0
