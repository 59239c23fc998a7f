"""What a trade costs beside bid and ask: fees by tier, slippage by size, and a spread where nobody recorded one."""

from collections.abc import Mapping
from hashlib import sha256
from itertools import pairwise
from math import sqrt

import msgspec
from msgspec import Struct

from models.errors import ModelError
from schemas.time import MILLISECOND

__all__ = ["Costs", "question_hash"]


class Costs(Struct, frozen=True, kw_only=True):
    """Fractions of the notional, unless said otherwise; every one of them is paid at entry and at exit.

    Raises:
        ModelError: a value that cannot be; names it.
    """

    taker_fees: tuple[tuple[float, float], ...] = ((0.0, 5e-4), (15e6, 4e-4), (50e6, 3.5e-4), (100e6, 3.2e-4))
    """From which notional traded in 30 days (quote currency) which fee is paid; Binance's USD-M tiers by default."""
    traded: float = 0.0
    """Notional traded in the last 30 days."""
    slippage: float = 1e-4
    """Of an order of ``slippage_notional``; it grows with the square root of the size (Tóth et al., "Anomalous price
    impact and the critical nature of liquidity in financial markets", 2011)."""
    slippage_notional: float = 100_000.0
    """Quote currency."""
    notional: float = 10_000.0
    """Quote currency, of a signal that suggests no size."""
    half_spread: float = 1e-4
    """Between the middle and either side, where bars carry no book."""
    latency: int = 250 * MILLISECOND
    """ns from the decision until an order is at the exchange."""

    def __post_init__(self) -> None:
        for name in ("traded", "slippage", "half_spread", "latency"):
            if not getattr(self, name) >= 0:
                raise ModelError(f"costs.{name} = {getattr(self, name)}: must be at least 0")
        for name in ("slippage_notional", "notional"):
            if not getattr(self, name) > 0:
                raise ModelError(f"costs.{name} = {getattr(self, name)}: must be above 0")
        tiers = [start for start, _ in self.taker_fees]
        if not tiers or tiers[0] != 0 or not all(low < high for low, high in pairwise(tiers)):
            raise ModelError(f"costs.taker_fees = {self.taker_fees}: tiers must begin at 0 and rise")

    def taker_fee(self, listed: float | None = None) -> float:
        """Of the tier that ``traded`` reaches; ``listed``, the instrument's own, stands for that of the first tier.

        >>> Costs(traded=20e6).taker_fee()
        0.0004
        """
        at = max(number for number, (start, _) in enumerate(self.taker_fees) if start <= self.traded)
        return listed if listed is not None and at == 0 else self.taker_fees[at][1]

    def slippage_of(self, notional: float) -> float:
        """Of an order of ``notional``, quote currency.

        >>> Costs().slippage_of(400_000.0)
        0.0002
        """
        return self.slippage * sqrt(notional / self.slippage_notional)


def question_hash(strategies: Mapping[str, str], costs: Costs) -> str:
    """Of what is asked: do brackets of these versions of ``strategies`` (by name) end with a profit after ``costs``."""
    return sha256(msgspec.json.encode((sorted(strategies.items()), costs))).hexdigest()
