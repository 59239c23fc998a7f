"""What a feature is: declared once, beside the code that computes it."""

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from math import ceil, log
from typing import Any, Final, Literal, NamedTuple

from msgspec import Struct

from operators.bars import OpenBar
from operators.liquidation_map import Outlook
from operators.state import Slotted
from schemas.time import HOUR, TIMEFRAME_NS, TIMEFRAMES, Timeframe

__all__ = [
    "LONG_BARS", "SESSIONS", "Close", "Feature", "Input", "Measure", "Moment", "Ratios", "Span", "Stateless", "Step",
    "Told", "forgotten", "hash_of", "of_close", "of_range", "one", "settled", "span_on",
]  # fmt: skip

Input = Literal["trades", "quotes", "book", "derivatives", "members", "external"]
"""``members``: the vectors of all instruments at the same close; ``external``: metrics and calendar."""
Span = (
    int
    | Literal[
        "two hours", "session", "session and a bar", "two sessions", "two sessions and a bar", "three sessions",
        "thirty sessions", "score",
    ]
)  # fmt: skip
"""A number of bars; ``two hours``: from the beginning of the hour before the one that the bar begins in; ``session``:
from the last 00:00 UTC on; of more sessions: from the 00:00 UTC that lies as many days less one before it; ``and a
bar``: the one before these too; ``score``: see `span_on`."""
LONG_BARS: Final = 20
"""That a score reaches back on 4h and 1d, where two sessions hold too few."""
SESSIONS: Final = {
    "session": 1, "session and a bar": 1, "two sessions": 2, "two sessions and a bar": 2, "three sessions": 3,
    "thirty sessions": 30,
}  # fmt: skip
"""How many a `Span` of that name covers."""
_LEFT: Final = 0.01
_EQUAL: Final = 1e-11  # leaves two digits of the promised 1e-9 for values that differ by their own size, times ten


class Feature(Struct, frozen=True, kw_only=True):
    """One entry of the catalogue."""

    name: str
    unit: str
    summary: str
    formula: str
    source: str
    """Book, paper or convention that the formula follows."""
    null: str
    """When it is ``None``, beside before it is ready."""
    inputs: tuple[Input, ...] = ("trades",)
    low: float | None = None
    high: float | None = None
    ready: int = 1
    """Bars until it can be known."""
    memory: Span = 0
    """How far back a loss in an input taints it."""
    warm_up: Span = 0
    """What a start from stored bars has to cover for the value to equal that of an uninterrupted run to 1e-9; of
    sessions, with the bar before them."""
    timeframes: tuple[Timeframe, ...] = TIMEFRAMES
    """Where it is computed; ``None`` elsewhere."""


class Ratios(NamedTuple):
    """Longs over shorts as last told, see `schemas.market.LongShortRatio`; ``None``: never."""

    accounts: float | None = None
    top_accounts: float | None = None
    top_positions: float | None = None
    taker_volume: float | None = None
    since: int = 0
    """When the one of them was told that has not been for longest, ns."""


class Told(NamedTuple):
    """When what is in force was told, event time in ns; 0: nothing is."""

    quotes: int = 0
    book: int = 0
    mark_price: int = 0
    funding: int = 0
    open_interest: int = 0
    liquidation: int = 0


class Moment(Struct, frozen=True):
    """What is read off the book and the derivatives at the moment of decision; ``None``: not known."""

    spread: float | None = None
    spread_bps: float | None = None
    microprice: float | None = None
    microprice_bps: float | None = None
    obi_1: float | None = None
    obi_5: float | None = None
    obi_10: float | None = None
    obi_20: float | None = None
    shape: tuple[float | None, ...] | None = None
    """Of the book, see `operators.flow.shape`."""
    bid: float | None = None
    ask: float | None = None
    funding_rate: float | None = None
    """Of one interval."""
    funding_percentile: float | None = None
    """Of that rate among those settled last, 0 to 1."""
    funding_interval: int | None = None
    """ns."""
    next_funding: int | None = None
    """ns."""
    basis_bps: float | None = None
    open_interest: float | None = None
    mark_price: float | None = None
    ratios: Ratios | None = None
    outlook: Outlook | None = None
    """Of the estimated liquidation levels, at the mark price."""
    funding_settled: float | None = None
    """The rate that was settled last."""
    told: Told | None = None
    lost: Mapping[Input, tuple[int, str]] | None = None
    """By input up to which event time (ns) something of it is missing, and why; one that never lost is not there."""
    forced: tuple[int, float, int, float] | None = None
    """Long positions liquidated so far, their notional, the same of short ones; only what the venue told."""


class Close(NamedTuple):
    """What a measure is told at each close of its timeframe."""

    bar: OpenBar
    """Of revision 0."""
    moment: Moment
    flow: Mapping[str, Any]
    """What happened between closes, see `operators.flow`."""
    ts_close: int
    """ns."""
    shorter: Mapping[str, float | None] | None = None
    """The vector of the next shorter timeframe at the same close, if there is one."""


Step = Callable[[Any, Close], float | tuple[float | None, ...] | None]


class Measure(Struct, frozen=True):
    """One idea: its state, how a close moves it, and the features that it gives.

    ``step`` returns one value, or as many as there are features, in their order.
    """

    features: tuple[Feature, ...]
    make: Callable[[], Slotted]
    step: Step


class Stateless(Slotted):
    """Of a measure that is all in the moment."""

    __slots__ = ()


def of_close(state: Any, close: Close) -> Any:
    """The step of what follows the price alone."""
    return state.update(close.bar.close)


def of_range(state: Any, close: Close) -> Any:
    """The step of what follows high, low and close."""
    bar = close.bar
    return state.update(bar.high, bar.low, bar.close)


def one(make: Callable[[], Slotted], step: Step, *features: Feature) -> Measure:
    """A `Measure` with its features last, as they take the most room."""
    return Measure(features, make, step)


def hash_of(catalogue: Iterable[Feature]) -> str:
    """A word that changes whenever values of ``catalogue`` mean something else."""
    lines = (f"{f.name}|{f.unit}|{f.formula}|{','.join(f.inputs)}|{f.memory}" for f in catalogue)
    return sha256("\n".join(lines).encode()).hexdigest()[:16]


def span_on(span: Span, timeframe: Timeframe) -> Span:
    """``span`` on one timeframe: ``score`` is ``two sessions and a bar`` up to 1h, on longer ones `LONG_BARS`, the bar,
    and the one before all these.

    >>> span_on("score", "1h"), span_on("score", "4h"), span_on(3, "4h")
    ('two sessions and a bar', 22, 3)
    """
    if span != "score":
        return span
    return "two sessions and a bar" if TIMEFRAME_NS[timeframe] <= HOUR else LONG_BARS + 2


def forgotten(alpha: float) -> int:
    """Updates after which less than 1 % of an exponential average is older.

    >>> forgotten(2 / 21)
    47
    """
    return ceil(log(_LEFT) / log(1.0 - alpha))


def settled(alpha: float) -> int:
    """Updates after which an exponential average has lost its beginning to 1e-9.

    >>> settled(2 / 21)
    254
    """
    return ceil(log(_EQUAL) / log(1.0 - alpha))
