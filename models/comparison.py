"""Whether a challenger is better than the champion: a question that may be asked after each outcome."""

from typing import Final

from msgspec import Struct

__all__ = ["Comparison"]

_MOST: Final = 0.5
"""Of the wealth, that is bet on one outcome."""
_CERTAIN: Final = 20.0
"""Wealth at which the null is given up: its chance of ever being reached is 1 / 20."""


class Comparison(Struct, kw_only=True):
    """Differences of squared errors (Brier scores), outcome by outcome, as two bets: that the challenger's is smaller
    on average, and that it is larger.

    Wealth that starts at 1 and is bet by what was seen before is a supermartingale where the null holds, so it reaches
    20 with a chance of at most 1 / 20 however often one looks (Ville). Stakes are those of Waudby-Smith and Ramdas,
    "Estimating means of bounded random variables by betting", 2024 (aGRAPA), over forecasts as in Choe and Ramdas,
    "Comparing sequential forecasters", 2023.

    >>> comparison = Comparison()
    >>> for number in range(60):
    ...     comparison.add(champion=0.5, challenger=0.9, win=True)
    >>> comparison.better, comparison.worse
    (True, False)
    """

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    wealth: float = 1.0
    """Of who bets that the challenger is better."""
    against: float = 1.0
    """Of who bets that it is worse."""
    most: float = 1.0
    most_against: float = 1.0

    @property
    def mean(self) -> float:
        """By how much the challenger's squared error is smaller."""
        return self.total / self.count if self.count else 0.0

    @property
    def better(self) -> bool:
        """Whether it was ever certain that the challenger is."""
        return self.most >= _CERTAIN

    @property
    def worse(self) -> bool:
        """The same of the champion."""
        return self.most_against >= _CERTAIN

    def add(self, *, champion: float, challenger: float, win: bool) -> None:
        """Take an outcome and what both had given it."""
        gain = (champion - win) ** 2 - (challenger - win) ** 2
        mean = (self.total) / (self.count + 1)
        spread = (0.25 + self.squares) / (self.count + 1)
        stake = max(-_MOST, min(_MOST, mean / spread))
        self.wealth *= 1.0 + max(stake, 0.0) * gain
        self.against *= 1.0 + max(-stake, 0.0) * -gain
        self.most, self.most_against = max(self.most, self.wealth), max(self.most_against, self.against)
        self.count += 1
        self.total += gain
        self.squares += gain * gain
