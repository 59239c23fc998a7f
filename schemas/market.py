"""What comes in: every record type of the one log, ``market.events``.

Prices are in quote currency, sizes in base currency, except for contracts with a multiplier other than one, whose
sizes are contracts (`InstrumentDefinition.contract_multiplier` says how much one is). A field that an exchange does
not send is ``None``, never zero.
"""

from math import fsum
from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Meta, Struct

from schemas.time import Nanoseconds, Timeframe

__all__ = [
    "CONTROL", "LEAST_AMOUNT", "METRICS", "About", "Activation", "BookDelta", "BookSnapshot", "ExchangeBar",
    "ExternalMetric", "FundingRate", "Heartbeat", "InstrumentDefinition", "Liquidation", "LongShortRatio",
    "MacroEvent", "MarkPrice", "MarketEvent", "Membership", "Metric", "OpenInterest", "Quote", "RegimeName",
    "Regimes", "Review", "Side", "TapeEnd", "Trade",
]  # fmt: skip

CONTROL: Final = "candlewick:control"
"""The key of the records that concern the desk as a whole: membership, reviews, activations, external metrics, their
heartbeats."""

InstrumentId = Annotated[
    str,
    Meta(
        min_length=3, max_length=128,
        description="venue:symbol in ccxt's terms", examples=["binanceusdm:BTC/USDT:USDT"],
    ),
]  # fmt: skip
# Nothing is smaller than a wei, and what is keeps products and quotients of these far from the ends of a float.
Price = Annotated[float, Meta(ge=1e-18, lt=1e15, description="quote currency")]
Size = Annotated[float, Meta(ge=1e-18, lt=1e18, description="base currency, or contracts")]
LevelSize = Annotated[float, Meta(ge=0, lt=1e18, description="0 removes the level")]
Amount = Annotated[float, Meta(ge=0, lt=1e21)]
LEAST_AMOUNT: Final = 1e-18
"""Of one that is not 0: what is smaller is no amount of anything, and others divided by it are infinite."""
Ratio = Annotated[float, Meta(ge=0, lt=1e9)]
Finite = Annotated[float, Meta(gt=-1e21, lt=1e21)]
Sequence = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Count = Annotated[int, Meta(gt=0, le=2**63 - 1)]
Side = Literal["buy", "sell"]


class _Record(Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True, gc=False):
    instrument_id: InstrumentId
    ts_event: Nanoseconds
    """The exchange's clock."""
    ts_received: Nanoseconds
    """Our clock, when the bytes arrived."""


class InstrumentDefinition(_Record, tag="instrument", frozen=True, kw_only=True):
    """What can be traded and in which units; repeated in the log so that any part of it can be read alone."""

    kind: Literal["spot", "perpetual", "future"]
    base: str
    quote: str
    settle: str | None = None
    tick_size: Price | None = None
    lot_size: Size | None = None
    contract_multiplier: Annotated[float, Meta(ge=1e-18, lt=1e18)] = 1.0
    """Base currency per contract, or quote currency per contract if ``inverse``."""
    inverse: bool = False
    funding_interval: Count | None = None
    """Nanoseconds between two settlements; ``None`` where there is no funding."""
    expiry: Nanoseconds | None = None
    status: Literal["trading", "halted", "delisted"] = "trading"
    taker_fee: Annotated[float, Meta(gt=-0.1, lt=0.1)] | None = None
    """A fraction of the notional."""

    def worth(self, price: float) -> float:
        """Quote currency for one of size at ``price``."""
        return self.contract_multiplier if self.inverse else self.contract_multiplier * price


class Trade(_Record, tag="trade", frozen=True, kw_only=True):
    """One execution. ``sequence`` is set only where the venue numbers an instrument's trades without holes."""

    price: Price
    size: Size
    aggressor_side: Side | None = None
    trade_id: Annotated[str, Meta(max_length=64)] | None = None
    sequence: Sequence | None = None
    market: bool = True
    """False for prints that the exchange marks as not of the market (insurance fund, ADL): kept, never in a bar."""


class Quote(_Record, tag="quote", frozen=True, kw_only=True):
    """Best bid and ask as the venue's own top-of-book stream gives them."""

    bid_price: Price
    bid_size: LevelSize
    ask_price: Price
    ask_size: LevelSize
    sequence: Sequence | None = None


class _Levels(_Record, frozen=True, kw_only=True, gc=True):
    bid_prices: list[Price]
    bid_sizes: list[LevelSize]
    ask_prices: list[Price]
    ask_sizes: list[LevelSize]
    checksum: Annotated[int, Meta(ge=0, lt=2**32)] | None = None
    """The venue's CRC-32 of the book after this message, unsigned."""

    def __post_init__(self) -> None:
        if len(self.bid_prices) != len(self.bid_sizes):
            raise ValueError(f"bid_prices has {len(self.bid_prices)} levels, bid_sizes {len(self.bid_sizes)}")
        if len(self.ask_prices) != len(self.ask_sizes):
            raise ValueError(f"ask_prices has {len(self.ask_prices)} levels, ask_sizes {len(self.ask_sizes)}")


class BookSnapshot(_Levels, tag="book_snapshot", frozen=True, kw_only=True):
    """A whole book, best level first on both sides, replacing what was known."""

    sequence: Sequence | None = None
    depth: Count | None = None
    """Levels a side that were asked for. A side shorter than that is the whole side; ``None``: nothing is known."""
    maintained: bool = False
    """True where the venue keeps exactly ``depth`` levels a side up to date and lower ones are to be dropped."""


class BookDelta(_Levels, tag="book_delta", frozen=True, kw_only=True):
    """Changed levels with their new absolute sizes.

    ``first_sequence`` and ``last_sequence`` span the updates inside; ``previous_sequence`` is the last one of the
    message before. A venue without numbers leaves them out, and only a checksum can tell a loss.
    """

    first_sequence: Sequence | None = None
    last_sequence: Sequence | None = None
    previous_sequence: Sequence | None = None


class FundingRate(_Record, tag="funding_rate", frozen=True, kw_only=True):
    """The rate of the running interval as a fraction of mark notional (not of percent), for one interval."""

    rate: Annotated[float, Meta(gt=-1, lt=1)]
    next_funding: Nanoseconds | None = None
    interval: Count | None = None
    """Nanoseconds."""
    settled: bool = False
    """True where the rate is not that of the running interval, but was settled at ``ts_event``, as tables have it."""


class MarkPrice(_Record, tag="mark_price", frozen=True, kw_only=True):
    """Mark price and what a venue sends in the same message."""

    price: Price
    index_price: Price | None = None
    funding_rate: Annotated[float, Meta(gt=-1, lt=1)] | None = None
    next_funding: Nanoseconds | None = None


class OpenInterest(_Record, tag="open_interest", frozen=True, kw_only=True):
    """Open positions, one side counted, in the instrument's size unit; ``notional`` in quote currency."""

    open_interest: Amount
    notional: Amount | None = None
    in_quote: bool = False
    """True where only the value is told: then ``open_interest`` is in quote currency too."""


class LongShortRatio(_Record, tag="long_short_ratio", frozen=True, kw_only=True):
    """Longs over shorts as a venue counts its customers; what it does not tell is left out, one at least is there.

    On Binance the "top" ones are the fifth of its customers with the highest balances.
    """

    accounts: Ratio | None = None
    """Accounts that are long over accounts that are short."""
    top_accounts: Ratio | None = None
    """The same of the venue's top traders."""
    top_positions: Ratio | None = None
    """The top traders' long positions over their short ones."""
    taker_volume: Ratio | None = None
    """What takers bought over what they sold, in the venue's own period."""

    def __post_init__(self) -> None:
        if self.accounts is self.top_accounts is self.top_positions is self.taker_volume is None:
            raise ValueError("none of accounts, top_accounts, top_positions and taker_volume is told")


class Liquidation(_Record, tag="liquidation", frozen=True, kw_only=True):
    """A forced order. ``side`` is the order's: ``sell`` closes a long position."""

    side: Side
    price: Price
    size: Size


class ExchangeBar(_Record, tag="bar", frozen=True, kw_only=True):
    """A finished bar as an exchange or a history file gives it; ``ts_event`` is its close."""

    timeframe: Timeframe
    ts_open: Nanoseconds
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    notional: Amount | None = None
    trades: Annotated[int, Meta(ge=0, le=10**12)] | None = None
    buy_volume: Amount | None = None

    def __post_init__(self) -> None:
        if not self.low <= min(self.open, self.close) <= max(self.open, self.close) <= self.high:
            raise ValueError(
                f"low {self.low} and high {self.high} do not enclose open {self.open} and close {self.close}"
            )


class About(NamedTuple):
    """What a metric is."""

    unit: str
    summary: str
    source: str
    """Who tells such figures, or how they are made."""
    low: float | None = None
    high: float | None = None


Metric = Literal["fear_greed", "stablecoin_dominance", "exchange_netflow", "social_volume", "news_sentiment"]
METRICS: Final[dict[Metric, About]] = {
    "fear_greed": About("index", "Fear and greed: 0 extreme fear, 100 extreme greed", "alternative.me", 0.0, 100.0),
    "stablecoin_dominance": About(
        "ratio", "Market capitalisation of stablecoins over that of all coins", "the provider", 0.0, 1.0
    ),
    "exchange_netflow": About("USD", "Flow into exchanges minus flow out of them", "the provider"),
    "social_volume": About("mentions", "Mentions on social media in the provider's period", "the provider", 0.0),
    "news_sentiment": About("ratio", "Tone of the news: -1 bad, 1 good", "the provider", -1.0, 1.0),
}
"""With units and bounds, by name; their features are in the catalogue."""


class ExternalMetric(_Record, tag="external_metric", frozen=True, kw_only=True):
    """A figure from outside the market (key: `CONTROL`); ``ts_event`` is when it was published.

    Bounds: fear_greed 0 to 100, stablecoin_dominance 0 to 1, social_volume 0 or more, news_sentiment -1 to 1.
    """

    metric: Metric
    value: Finite
    asset: Annotated[str, Meta(min_length=1, max_length=32)] | None = None
    """Base currency of the instruments that it counts for; ``None``: for all that have none of their own."""

    def __post_init__(self) -> None:
        about = METRICS[self.metric]
        if (about.low is not None and self.value < about.low) or (about.high is not None and self.value > about.high):
            raise ValueError(f"value {self.value}: {self.metric} goes from {about.low} to {about.high}")


class MacroEvent(_Record, tag="macro_event", frozen=True, kw_only=True):
    """An event of the macro calendar (key: `CONTROL`); ``ts_event`` is when its date was announced.

    The same name again moves it, as long as it has not been.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    ts_scheduled: Nanoseconds
    cancelled: bool = False


class Heartbeat(_Record, tag="heartbeat", frozen=True, kw_only=True):
    """Proof that an ingester listens: all that happened up to ``ts_event`` and was not seen, did not happen.

    ``connected=False`` says the opposite: time has moved on and nobody was listening.
    """

    source: str
    connected: bool = True


class TapeEnd(_Record, tag="tape_end", frozen=True, kw_only=True):
    """The last record that ``source`` writes of an instrument: what is still open stays open."""

    source: str


class Membership(_Record, tag="membership", frozen=True, kw_only=True):
    """Whom the desk waits for: ``source`` replaces the instruments that it feeds by this list (key: `CONTROL`)."""

    source: str
    instrument_ids: list[InstrumentId]


class Review(_Record, tag="review", frozen=True, kw_only=True):
    """A person's word on a signal (key: `CONTROL`)."""

    signal_id: str
    decision: Literal["approve", "reject"]
    reviewer: str
    reason: str = ""


class Activation(_Record, tag="activation", frozen=True, kw_only=True):
    """From the first close at or after ``effective_close`` this version of a model serves (key: `CONTROL`).

    One that comes after that close serves from the first one that is not decided yet. Without a version none of the
    model serves any more. In the shadow it is asked beside what serves, and changes nothing.
    """

    model: Annotated[str, Meta(max_length=64)]
    version: Annotated[str, Meta(max_length=64)]
    effective_close: Nanoseconds
    shadow: bool = False
    reason: Annotated[str, Meta(max_length=1_000)] = ""
    """Why, with the figures that decided it."""
    refused: Annotated[str, Meta(max_length=64)] = ""
    """A challenger's version that goes no further: the record tells of it, and has no version of its own."""
    withdrawn: Annotated[str, Meta(max_length=64)] = ""
    """The version that leaves the shadow, if it is there; the record has no version of its own."""
    failed: bool = False
    """A round of retraining failed: the record tells why, and changes nothing."""


_Observed = Annotated[list[Finite], Meta(min_length=2, max_length=2)]
_Spread = Annotated[list[Annotated[float, Meta(ge=1e-9, lt=1e9)]], Meta(min_length=2, max_length=2)]
_Chances = Annotated[list[Annotated[float, Meta(ge=0, le=1)]], Meta(min_length=4, max_length=4)]


RegimeName = Literal["bull", "bear", "sideways", "volatile"]


class Regimes(_Record, tag="regimes", frozen=True, kw_only=True, gc=True):
    """Parameters of the hidden Markov model of regimes (key: `CONTROL`), in force from the first close on at which they
    were received; the states are in the order of `RegimeName`.
    """

    timeframe: Timeframe
    means: Annotated[list[_Observed], Meta(min_length=4, max_length=4)]
    """Of the observations, a row a state."""
    variances: Annotated[list[_Spread], Meta(min_length=4, max_length=4)]
    transition: Annotated[list[_Chances], Meta(min_length=4, max_length=4)]
    """Probability of the state of the column after that of the row."""
    initial: _Chances

    def __post_init__(self) -> None:
        for row in (*self.transition, self.initial):
            if abs(fsum(row) - 1.0) > 1e-6:
                raise ValueError(f"probabilities {row} sum to {fsum(row)}, not to 1")


MarketEvent = (
    InstrumentDefinition | Trade | Quote | BookSnapshot | BookDelta | FundingRate | MarkPrice | OpenInterest
    | LongShortRatio | Liquidation | ExchangeBar | ExternalMetric | MacroEvent | Heartbeat | TapeEnd | Membership
    | Review | Activation | Regimes
)  # fmt: skip
