"""What goes out of the per-instrument step: bars, feature vectors, book samples, and the ledger of what went wrong."""

from typing import Any, Literal

from msgspec import Struct

from schemas.time import Timeframe

__all__ = [
    "Absence", "Bar", "BookSample", "Context", "DeadLetter", "Drift", "FeatureRecord", "Gap", "GapKind",
    "LevelProfile", "ModelEvent", "Vector",
]  # fmt: skip


class _Result(Struct, frozen=True, kw_only=True, tag_field="type"):
    id: str
    """Derived from what the record is about, so the same log gives the same identifier (see `schemas.identifiers`)."""


class Bar(_Result, tag="bar", frozen=True, kw_only=True):
    """A closed bar, trades with ``ts_open <= ts_event < ts_close``; prices ``None`` never occur, see ``empty``.

    Revision 0 is what decisions were made on; later ones add trades that came after the allowed lateness.
    The eight book fields are the first, lowest, highest and last best bid and ask within the bar.
    """

    instrument_id: str
    timeframe: Timeframe
    ts_open: int
    ts_close: int
    ts_decided: int
    """``ts_received`` of the record that closed the bar."""
    revision: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    notional: float
    trades: int
    buy_volume: float
    sell_volume: float
    bid_first: float | None = None
    bid_low: float | None = None
    bid_high: float | None = None
    bid_last: float | None = None
    ask_first: float | None = None
    ask_low: float | None = None
    ask_high: float | None = None
    ask_last: float | None = None
    origin: Literal["trades", "exchange"] = "trades"
    quality: list[str] = []
    """``empty`` (no trade), ``partial`` (begun before the first record), ``gap`` (nobody listened for a while, or
    something is missing), ``late`` (a revision)."""


class Vector(_Result, tag="vector", frozen=True, kw_only=True):
    """All features of an instrument and timeframe at a close, in the catalogue's order; ``None``: not known."""

    instrument_id: str
    timeframe: Timeframe
    ts_close: int
    ts_decided: int
    schema_hash: str
    features: dict[str, float | None]
    tainted: dict[str, str] = {}
    """Feature to reason, where something inside the feature's memory was missing."""
    bid: float | None = None
    """At the decision. Of a bar that was given where no book is known, a stated half-spread from its close: then the
    spread among the features is not known."""
    ask: float | None = None


class Absence(_Result, tag="absence", frozen=True, kw_only=True):
    """Said in place of a vector: why there is none."""

    instrument_id: str
    timeframe: Timeframe
    ts_close: int
    ts_decided: int
    reason: str


FeatureRecord = Vector | Absence


class Context(_Result, tag="context", frozen=True, kw_only=True):
    """What the desk adds to the vector of the same instrument, timeframe and close: features across instruments
    and from outside the market.

    There is one for each vector of a member, and a strategy sees both together.
    """

    instrument_id: str
    timeframe: Timeframe
    ts_close: int
    ts_decided: int
    """When the close could be decided: the last record of it that the desk waits for, of all members and of who is one,
    was received by then, and so were those of all closes before it."""
    schema_hash: str
    features: dict[str, float | None]
    tainted: dict[str, str] = {}


class BookSample(_Result, tag="book_sample", frozen=True, kw_only=True):
    """The best levels about once a second of event time, for people to look at."""

    instrument_id: str
    ts_event: int
    bid_prices: list[float]
    bid_sizes: list[float]
    ask_prices: list[float]
    ask_sizes: list[float]
    imbalance: float | None
    """Of the ten best levels a side, -1 to 1."""
    stale: bool


class LevelProfile(_Result, tag="level_profile", frozen=True, kw_only=True):
    """Where positions would be liquidated, an estimate, every five minutes; of instruments with open interest.

    Above the price these are short positions, below it long ones. Bin ``k`` reaches from ``lowest * exp(k * width)`` to
    the next one.
    """

    instrument_id: str
    ts_close: int
    ts_decided: int
    price: float
    """The mark price, or that of the bars where none is told."""
    open_interest: float
    lowest: float
    """Where the first bin begins."""
    width: float
    """Of a bin, the difference of two logarithms."""
    shares: list[float]
    """Of open interest, by bin, to one in a hundred thousand."""


GapKind = Literal[
    "book_sequence",
    "book_checksum",
    "book_crossed",
    "book_resync",
    "trade_sequence",
    "disconnected",
    "late",
    "too_late",
    "left_out",
    "undecided",
    "bar_differs",
]


class Gap(_Result, tag="gap", frozen=True, kw_only=True):
    """A record of the integrity ledger: something of the input was lost, late or found again.

    ``left_out`` is about the control key: an ingester went silent, or came back, and the desk waits for its instruments
    no longer, or again. ``undecided`` counts closes that the desk passed over, as their instrument was no member.
    ``bar_differs``: a bar that an exchange gave is not the one made of its trades; ``detail`` has both.
    """

    instrument_id: str
    kind: GapKind
    ts_start: int
    """Event time of the last good record before."""
    ts_end: int
    """Event time of the record that showed it."""
    ts_received: int
    expected: int | None = None
    received: int | None = None
    count: int = 1
    detail: str = ""


class Drift(_Result, tag="drift", frozen=True, kw_only=True):
    """A distribution compared with its reference."""

    instrument_id: str
    timeframe: Timeframe
    feature: str
    ts_close: int
    measure: str
    value: float
    threshold: float | None = None
    alert: bool = False


class DeadLetter(_Result, tag="dead_letter", frozen=True, kw_only=True):
    """What could not be read. ``key`` and ``value`` are base64 of the bytes as they were, up to 1 MiB of each."""

    topic: str
    partition: int
    offset: int
    reason: str
    ts_received: int
    """The broker's time stamp of the message, ns; 0 where it has none."""
    key: str | None
    value: str | None
    truncated: str | None = None
    """The whole length and SHA-256 of a key or value of which only the beginning is kept."""


class ModelEvent(_Result, tag="model_event", frozen=True, kw_only=True):
    """A line of the public changelog of models."""

    model: str
    version: str
    event: str
    ts_event: int
    details: dict[str, Any] = {}
