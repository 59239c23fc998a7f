"""Funding, mark and index price, open interest and liquidations of one instrument, as last known."""

from math import isfinite
from typing import NamedTuple

from operators.feature import Moment
from operators.liquidation_map import LiquidationMap, Outlook
from operators.state import Slotted
from schemas.market import FundingRate, Liquidation, MarkPrice, OpenInterest

__all__ = ["Derivatives", "Settlement"]


class Settlement(NamedTuple):
    """The step of the next funding time from one settlement to the following one, all ns."""

    at: int
    old: int
    new: int


class Derivatives(Slotted):
    """State of a perpetual or future. Every measure is ``None`` until the venue has told it."""

    __slots__ = (
        "_funding_at", "_interest_at", "_levels", "_mark_at", "_price", "forced", "funding_interval", "funding_rate",
        "index_price", "mark_price", "next_funding", "open_interest",
    )  # fmt: skip

    VERSION = 3

    def __init__(self) -> None:
        self.mark_price: float | None = None
        self.index_price: float | None = None
        self.funding_rate: float | None = None
        """A fraction of mark notional for one interval."""
        self.next_funding: int | None = None
        self.open_interest: float | None = None
        self.funding_interval: int | None = None
        """Nanoseconds: as the venue says, else from one settlement to the next."""
        self.forced: tuple[int, float, int, float] | None = None
        """Long positions liquidated and their notional (price times size), the same of short ones. Exchanges throttle
        these streams, so a lower bound; ``None`` where the venue has never told of one."""
        self._mark_at = self._funding_at = self._interest_at = 0
        self._levels = LiquidationMap()
        self._price: float | None = None  # the last of the mark's or, where no mark price is told, of the bars'

    def on_mark(self, event: MarkPrice) -> Settlement | None:
        """Take mark and index price and what came with them; older news than known is ignored."""
        if event.ts_event < self._mark_at:
            return None
        self._mark_at = event.ts_event
        self.mark_price = self._price = event.price
        self._levels.on_price(event.price, event.price)
        if event.index_price is not None:
            self.index_price = event.index_price
        return self._fund(event.ts_event, event.funding_rate, event.next_funding)

    def on_funding(self, event: FundingRate) -> Settlement | None:
        """Take a funding rate."""
        if event.interval is not None:
            self.funding_interval = event.interval
        return self._fund(event.ts_event, event.rate, event.next_funding)

    def on_open_interest(self, event: OpenInterest) -> None:
        """Take open interest; older news than known is ignored."""
        if event.ts_event >= self._interest_at:
            self._interest_at, self.open_interest = event.ts_event, event.open_interest
            if self._price is not None:
                self._levels.on_interest(event.open_interest, self._price)

    def on_bar(self, low: float, high: float, close: float) -> None:
        """Take a bar of history: its prices stand for the mark price where that is not told."""
        if not self._mark_at:
            self._price = close
            self._levels.on_price(low, high)

    def on_liquidation(self, event: Liquidation) -> None:
        """Count a forced order; one that sells closes a long position."""
        longs, long_notional, shorts, short_notional = self.forced or (0, 0.0, 0, 0.0)
        notional = event.price * event.size
        if event.side == "sell":
            self.forced = (longs + 1, long_notional + notional, shorts, short_notional)
        else:
            self.forced = (longs, long_notional, shorts + 1, short_notional + notional)

    def forget(self) -> None:
        """Nobody listened for a while: what is in force now has to be told again. What was counted stays."""
        self.mark_price = self.index_price = self.funding_rate = self.next_funding = self.open_interest = None
        self._levels.forget()

    def read(self, moment: Moment) -> Moment:
        """``moment`` with what is known here."""
        return moment._replace(
            funding_rate=self.funding_rate,
            funding_interval=self.funding_interval,
            next_funding=self.next_funding,
            basis_bps=self.basis_bps,
            open_interest=self.open_interest,
            mark_price=self.mark_price,
            outlook=self.outlook,
            forced=self.forced,
        )

    @property
    def outlook(self) -> Outlook | None:
        """Estimated liquidation levels around the mark price."""
        return None if self._price is None else self._levels.outlook(self._price)

    def density(self) -> dict[float, tuple[float, float]]:
        """See `LiquidationMap.density`."""
        return self._levels.density()

    @property
    def basis_bps(self) -> float | None:
        """Mark price over index price, minus one, in hundredths of a percent."""
        if self.mark_price is None or self.index_price is None:
            return None
        basis = 10_000.0 * (self.mark_price / self.index_price - 1.0)
        return basis if isfinite(basis) else None

    def _fund(self, ts: int, rate: float | None, next_funding: int | None) -> Settlement | None:
        if ts < self._funding_at:
            return None
        if rate is not None:
            self._funding_at, self.funding_rate = ts, rate
        old = self.next_funding
        if next_funding is None or next_funding == old:
            return None
        self.next_funding = next_funding
        if old is None or next_funding < old:
            return None
        self.funding_interval = next_funding - old
        return Settlement(ts, old, next_funding)
