"""Funding, mark and index price, open interest and liquidations of one instrument, as last known."""

from math import isfinite
from typing import Final, NamedTuple

from msgspec.structs import replace

from operators.errors import Refused
from operators.feature import Moment, Ratios, Told
from operators.liquidation_map import LiquidationMap, Outlook
from operators.state import Slotted
from schemas.identifiers import derive
from schemas.market import (
    LEAST_AMOUNT,
    FundingRate,
    InstrumentDefinition,
    Liquidation,
    LongShortRatio,
    MarkPrice,
    OpenInterest,
)
from schemas.results import LevelProfile
from schemas.time import DAY, HOUR, MINUTE, SECOND, floor_to

__all__ = ["Derivatives", "Settlement"]


_SETTLEMENTS: Final = 90
"""Those that a funding rate is held against, at most."""
_SETTLED: Final = 29 * DAY
"""For so long a settlement counts among them: with the day so far these are thirty sessions."""
_LEAST: Final = 20
_EIGHT_HOURS: Final = 8 * HOUR
_DIGITS: Final = 5
"""Of a share in a profile: the estimate is worth no more, and a record of it stays below a kilobyte."""


class Settlement(NamedTuple):
    """The step of the next funding time from one settlement to the following one, all ns."""

    at: int
    old: int
    new: int


class Derivatives(Slotted):
    """State of a perpetual or future. Every measure is ``None`` until the venue has told it."""

    __slots__ = (
        "_due", "_forced_at", "_funding_at", "_interest_at", "_last", "_levels", "_mark_at", "_price", "_settled",
        "_sure", "_told", "forced", "funding_interval", "funding_rate", "index_price", "mark_price", "next_funding",
        "open_interest",
    )  # fmt: skip

    VERSION = 6

    def __init__(self) -> None:
        self.mark_price: float | None = None
        self.index_price: float | None = None
        """As told together with that mark price: an older one makes no basis."""
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
        self._forced_at = 0  # of the last liquidation told since somebody listens
        self._settled: list[tuple[int, float]] = []  # when, and the rate per eight hours
        self._last: float | None = None  # settled, of its own interval
        self._due: int | None = None  # when the next one after it is settled
        self._sure = False  # that it is the last one
        self._told: list[tuple[int, float] | None] = [None] * 4  # of each ratio when, and the ratio
        self._levels = LiquidationMap()
        self._price: float | None = None  # the last of the mark's or, where no mark price is told, of the bars'

    def on_mark(self, event: MarkPrice) -> Settlement | None:
        """Take mark and index price and what came with them; older news than known is ignored."""
        if event.ts_event < self._mark_at:
            return None
        self._mark_at = event.ts_event
        self.mark_price = self._price = event.price
        self._levels.on_price(event.price, event.price)
        self.index_price = event.index_price
        return self._fund(event.ts_event, event.funding_rate, event.next_funding)

    def on_funding(self, event: FundingRate) -> Settlement | None:
        """Take a funding rate, that of the running interval or one that was settled."""
        if event.settled:
            if not self._settled or event.ts_event >= self._settled[-1][0] + SECOND:
                self.funding_interval = event.interval or self.funding_interval
                self.next_funding = event.next_funding or (event.interval and event.ts_event + event.interval)
                self._settle(event.ts_event, event.rate, self.next_funding)
            return None
        if event.interval is not None:
            self.funding_interval = event.interval
        return self._fund(event.ts_event, event.rate, event.next_funding)

    def on_open_interest(self, event: OpenInterest) -> None:
        """Take open interest; what is no news is ignored, and a value while no price is known.

        Told once more, after the price has moved, it would hide what was liquidated meanwhile.

        Raises:
            Refused: it is next to nothing.
        """
        repeated = event.ts_event == self._interest_at and self.open_interest is not None
        if event.ts_event < self._interest_at or repeated or (event.in_quote and self._price is None):
            return
        interest = event.open_interest
        if 0.0 < interest < LEAST_AMOUNT:
            raise Refused(f"$.open_interest {interest} is neither 0 nor at least {LEAST_AMOUNT}")
        if event.in_quote and self._price is not None:
            interest /= self._price
        self._interest_at, self.open_interest = event.ts_event, interest
        if self._price is not None:
            self._levels.on_interest(interest, self._price)

    def on_ratio(self, event: LongShortRatio) -> None:
        """Take ratios of longs and shorts; older news than known is ignored."""
        told = (event.accounts, event.top_accounts, event.top_positions, event.taker_volume)
        for at, (ratio, known) in enumerate(zip(told, self._told, strict=True)):
            if ratio is not None and (known is None or event.ts_event >= known[0]):
                self._told[at] = (event.ts_event, ratio)

    def on_bar(self, low: float, high: float, close: float) -> None:
        """Take a bar of history: its prices stand for the mark price where that is not told."""
        if not self._mark_at:
            self._price = close
            self._levels.on_price(low, high)

    def on_liquidation(self, event: Liquidation, definition: InstrumentDefinition | None = None) -> None:
        """Count a forced order; one that sells closes a long position."""
        longs, long_notional, shorts, short_notional = self.forced or (0, 0.0, 0, 0.0)
        worth = event.price if definition is None else definition.worth(event.price)
        notional = worth * event.size
        self._forced_at = max(self._forced_at, event.ts_event)
        if event.side == "sell":
            self.forced = (longs + 1, long_notional + notional, shorts, short_notional)
        else:
            self.forced = (longs, long_notional, shorts + 1, short_notional + notional)

    def forget(self) -> None:
        """Nobody listened for a while: what is in force now has to be told again. What was counted stays."""
        self.mark_price = self.index_price = self.funding_rate = self.next_funding = self.open_interest = None
        self._told, self._price = [None] * 4, None
        self._mark_at = self._forced_at = 0
        self._sure = False
        self._levels.forget()

    def read(self, moment: Moment, told: tuple[int, int] = (0, 0)) -> Moment:
        """``moment`` with what is known here; ``told`` is when quotes and book were (ns), 0 if they are not known."""
        return replace(
            moment,
            funding_rate=self.funding_rate,
            funding_percentile=self.funding_percentile,
            funding_settled=self._last if self._sure else None,
            told=Told(
                *told,
                0 if self.mark_price is None else self._mark_at,
                0 if self.funding_rate is None else self._funding_at,
                0 if self.open_interest is None else self._interest_at,
                self._forced_at,
            ),
            funding_interval=self.funding_interval,
            next_funding=self.next_funding,
            basis_bps=self.basis_bps,
            open_interest=self.open_interest,
            mark_price=self.mark_price,
            ratios=self.ratios,
            outlook=self.outlook,
            forced=self.forced,
        )

    @property
    def funding_percentile(self) -> float | None:
        """Share of the last settled rates that are below the running one, equal ones by half; all per eight hours.

        That is the percentile rank of ``scipy.stats.percentileofscore(kind="mean")``, as a share.
        """
        if self.funding_rate is None or self.funding_interval is None:
            return None
        rate = self.funding_rate * _EIGHT_HOURS / self.funding_interval
        settled = [known for at, known in self._settled if at > self._funding_at - _SETTLED]
        if len(settled) < _LEAST:
            return None
        return sum((known < rate) + (known <= rate) for known in settled) / (2 * len(settled))

    @property
    def ratios(self) -> Ratios | None:
        """Longs over shorts, ``None`` before any was told."""
        times = [known[0] for known in self._told if known is not None]
        if not times:
            return None
        accounts, top_accounts, top_positions, taker_volume = (known and known[1] for known in self._told)
        return Ratios(accounts, top_accounts, top_positions, taker_volume, min(times))

    @property
    def outlook(self) -> Outlook | None:
        """Estimated liquidation levels around the mark price."""
        return None if self._price is None else self._levels.outlook(self._price)

    def level_profile(self, instrument_id: str, ts_close: int, ts_decided: int) -> LevelProfile | None:
        """What is told of the estimated liquidation levels at a close; ``None`` without open interest or a price."""
        price, interest = self._price, self.open_interest
        profile = None if price is None or not interest else self._levels.profile(price)
        if profile is None or price is None or not interest:
            return None
        return LevelProfile(
            id=derive("levels", instrument_id, ts_close), instrument_id=instrument_id, ts_close=ts_close,
            ts_decided=ts_decided, price=price, open_interest=interest, lowest=profile.lowest, width=profile.width,
            shares=[round(size / interest, _DIGITS) for size in profile.sizes],
        )  # fmt: skip

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
        found, interval, old = None, self.funding_interval, self.next_funding
        if old is not None and next_funding is not None:
            if next_funding >= old + SECOND and ts > old - MINUTE:  # else it is corrected, not over
                self.funding_interval = next_funding - old
                found = Settlement(ts, old, next_funding)
                self._settle(old, self.funding_rate, next_funding)
        elif next_funding is None and old is None and interval is not None and self._funding_at:
            begin = floor_to(ts, interval)
            if begin > self._funding_at:
                self._settle(begin, self.funding_rate, begin + interval)
        if self._due is not None and (ts if next_funding is None else next_funding - SECOND) < self._due:
            self._sure = True  # nothing was settled while nobody listened
        if rate is not None:
            self._funding_at, self.funding_rate = ts, rate
        if next_funding is not None:
            self.next_funding = next_funding
        return found

    def _settle(self, at: int, rate: float | None, due: int | None) -> None:
        """At ``at`` (ns) ``rate`` was settled, ``None``: not known which; the next one is ``due``."""
        self._last, self._due, self._sure = rate, due, rate is not None
        if rate is not None and self.funding_interval is not None:
            self._settled = [*self._settled, (at, rate * _EIGHT_HOURS / self.funding_interval)][-_SETTLEMENTS:]
