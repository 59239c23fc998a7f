"""The shapes of the answers: the stored records, with a time that people and browsers can read beside the exact ones.

``ts_*`` are integer nanoseconds, exact; a JavaScript number holds them to some 250 ns. ``time`` is the instant at which
the record could first be known, in ISO 8601.
"""

from typing import Final, TypeVar

import msgspec
from fastapi import Response
from msgspec import Struct

from schemas.cards import ModelCard
from schemas.catalogue import FeatureEntry
from schemas.market import InstrumentDefinition
from schemas.results import Absence, Bar, BookSample, FeatureRecord, Gap, LevelProfile, ModelEvent, Vector
from schemas.signals import Signal
from schemas.time import Timeframe, to_text
from schemas.vitals import Check
from sinks.api_keys import ApiKey
from sinks.figures import LogOffset, TableFigures
from sinks.queries import BookMoment, DriftLine, InstrumentState

__all__ = [
    "AbsenceView", "BarPage", "BarView", "BookMomentView", "BookView", "BooksView", "Catalogue", "Check", "FeaturePage",
    "GapPage", "GapView", "Health", "Heartbeat", "InstrumentList", "InstrumentView", "KeyList", "ModelEventView",
    "ModelStatus", "ModelView", "Readiness", "Refusal",
    "SignalMessage", "SignalPage", "SignalView", "StageView", "Stats", "VectorView", "answer", "feature_view",
    "instrument_view", "stage_view", "timed",
]  # fmt: skip

T = TypeVar("T", bound=Struct)


class SignalView(Signal, tag="signal", frozen=True, kw_only=True):
    """A signal."""

    time: str


class BarView(Bar, tag="bar", frozen=True, kw_only=True):
    """The latest revision of a bar."""

    time: str


class VectorView(Vector, tag="vector", frozen=True, kw_only=True):
    """All features at a close, or those asked for."""

    time: str


class AbsenceView(Absence, tag="absence", frozen=True, kw_only=True):
    """Why there is no vector of this close."""

    time: str


class BookView(BookSample, tag="book_sample", frozen=True, kw_only=True):
    """The best levels at a moment."""

    time: str


class LevelView(LevelProfile, tag="level_profile", frozen=True, kw_only=True):
    """Estimated liquidation levels at a close."""

    time: str


class GapView(Gap, tag="gap", frozen=True, kw_only=True):
    """A record of the integrity ledger."""

    time: str


class ModelEventView(ModelEvent, tag="model_event", frozen=True, kw_only=True):
    """A line of the changelog of models."""

    time: str


class BookMomentView(BookMoment, frozen=True, kw_only=True):
    """One book sample in three figures."""

    time: str


class StageView(TableFigures, frozen=True, kw_only=True):
    """What one topic has brought into its table."""

    time: str | None


class SignalPage(Struct, frozen=True, kw_only=True):
    """Signals, newest first."""

    items: list[SignalView]
    next: str | None
    """Hand it back as ``cursor`` for the page behind; null on the last."""


class BarPage(Struct, frozen=True, kw_only=True):
    """Bars, newest first."""

    items: list[BarView]
    next: str | None


class FeaturePage(Struct, frozen=True, kw_only=True):
    """Vectors and absences, newest first."""

    items: list[VectorView | AbsenceView]
    next: str | None


class GapPage(Struct, frozen=True, kw_only=True):
    """Records of the ledger, newest first."""

    items: list[GapView]
    next: str | None


class ModelStatus(Struct, frozen=True, kw_only=True):
    """What serves now of each model, and the newest lines of the changelog."""

    serving: list[ModelEventView]
    """The activation of each model that serves, the newest first."""
    events: list[ModelEventView]


class ModelView(Struct, frozen=True, kw_only=True):
    """A version of a model, and how what it sees has drifted."""

    card: ModelCard | None
    """What the registry says of it; null if it is not there."""
    refused: str
    """Why there is no card; else empty."""
    drift: list[DriftLine]
    """Of all its model's versions, furthest beyond the threshold first."""


class BooksView(Struct, frozen=True, kw_only=True):
    """The newest book sample, and the way there, newest first."""

    latest: BookView | None
    series: list[BookMomentView]


class LevelsView(Struct, frozen=True, kw_only=True):
    """Estimated liquidation levels, newest first."""

    items: list[LevelView]


class InstrumentView(Struct, frozen=True, kw_only=True):
    """A definition, and how far the stored results of the instrument reach."""

    instrument_id: str
    definition: InstrumentDefinition
    timeframes: list[Timeframe]
    newest_close: int | None
    newest_close_time: str | None
    newest_book: int | None
    newest_book_time: str | None
    stale: bool | None


class InstrumentList(Struct, frozen=True, kw_only=True):
    """All instruments by identifier."""

    items: list[InstrumentView]


class Stats(Struct, frozen=True, kw_only=True):
    """What went through each stage."""

    now: str
    stages: list[StageView]
    offsets: list[LogOffset]


class KeyList(Struct, frozen=True, kw_only=True):
    """The keys of the API, without their secrets."""

    items: list[ApiKey]


class Health(Struct, frozen=True, kw_only=True):
    """The process is up; nothing is said of the database."""

    status: str
    version: str


class Readiness(Struct, frozen=True, kw_only=True):
    """Whether what is read here is there and fresh, and each reason."""

    ready: bool
    checks: list[Check]


class Catalogue(Struct, frozen=True, kw_only=True):
    """What the features mean."""

    items: tuple[FeatureEntry, ...]


class SignalMessage(Struct, tag_field="type", tag="signal", frozen=True, kw_only=True):
    """A published signal, in the order of storing. ``after`` of the next connection is its identifier."""

    after: str
    signal: SignalView


class Heartbeat(Struct, tag_field="type", tag="heartbeat", frozen=True, kw_only=True):
    """Said at the beginning and when nothing else was for a while."""

    after: str
    """Where to go on after a new connection: everything up to here was sent."""
    live: bool
    """Whether the store could be asked last time."""
    time: str


class Refusal(Struct, tag_field="type", tag="refusal", frozen=True, kw_only=True):
    """The last message before the API closes a connection."""

    error: str


_ENCODER: Final = msgspec.json.Encoder()


def answer(view: Struct, status: int = 200) -> Response:
    """The HTTP response of a view; nothing of it is to be kept by a cache."""
    return Response(_ENCODER.encode(view), status, {"Cache-Control": "no-store"}, "application/json")


def timed(view: type[T], record: Struct, ts: int) -> T:
    """``record`` as a ``view`` of it, with ``ts`` (ns) as its time."""
    return view(**msgspec.structs.asdict(record), time=to_text(ts))


def feature_view(record: FeatureRecord, names: frozenset[str] | None) -> VectorView | AbsenceView:
    """With its time, the close; of a vector only the features ``names``, if given."""
    if isinstance(record, Absence):
        return timed(AbsenceView, record, record.ts_close)
    view = timed(VectorView, record, record.ts_close)
    if names is None:
        return view
    return msgspec.structs.replace(
        view,
        features={name: value for name, value in view.features.items() if name in names},
        tainted={name: why for name, why in view.tainted.items() if name in names},
    )


def stage_view(figures: TableFigures) -> StageView:
    """With the time of the newest row."""
    return StageView(**msgspec.structs.asdict(figures), time=_text(figures.newest))


def instrument_view(state: InstrumentState) -> InstrumentView:
    """With times."""
    return InstrumentView(
        **msgspec.structs.asdict(state), instrument_id=state.definition.instrument_id,
        newest_close_time=_text(state.newest_close), newest_book_time=_text(state.newest_book),
    )  # fmt: skip


def _text(ts: int | None) -> str | None:
    return None if ts is None else to_text(ts)
