"""The query parameters of the routes: what is allowed, and the places in lists that clients hand back."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from typing import Annotated, Any, Final, Self
from uuid import UUID

import msgspec
from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from api.errors import BadQueryError
from api.shelf import ReportFormat
from schemas.results import GapKind
from schemas.signals import Direction
from schemas.time import MINUTE, SECOND, Timeframe, from_text, to_text
from sinks.queries import Position, SignalStatus

__all__ = [
    "BarParameters", "BookParameters", "DriftReportParameters", "FeatureParameters", "GapParameters",
    "LevelParameters", "SignalParameters", "Symbol", "after_position", "write_cursor",
]  # fmt: skip

_EARLIEST: Final = 1_230_768_000 * SECOND
_LATEST: Final = 4_102_444_800 * SECOND
_EXAMPLE_TIME: Final = 1_723_161_600 * SECOND
_TEXT_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?")
_ALLOWED_TIME: Final = "nanoseconds since 1970 or ISO 8601, 2009 to 2100, as 2024-08-09T03:00:00Z"


def _moment(value: Any) -> int:
    """Nanoseconds of a time in a query: ns since 1970 as they stand in answers, or ISO 8601 (no zone: UTC)."""
    text = str(value)
    if re.fullmatch(r"\d{1,19}", text):
        moment = int(text)
    elif _TEXT_TIME.fullmatch(text):
        try:
            moment = from_text(text)
        except ValueError as error:
            raise ValueError(f"{error}; allowed: {_ALLOWED_TIME}") from error
    else:
        raise ValueError(f"allowed: {_ALLOWED_TIME}" + (" (write + as %2B)" if " " in text else ""))
    if not _EARLIEST <= moment <= _LATEST:
        raise ValueError(f"allowed: {_ALLOWED_TIME}")
    return moment


Moment = Annotated[
    int,
    BeforeValidator(_moment),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "format": "int64", "minimum": _EARLIEST, "maximum": _LATEST},
                {"type": "string", "format": "date-time"},
            ]
        }
    ),
]
Symbol = Annotated[
    str,
    Path(
        min_length=3, max_length=128, description="An instrument, as /instruments names it",
        openapi_examples={"perpetual": {"value": "binanceusdm:BTC/USDT:USDT"}},
    ),
]  # fmt: skip
_Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f]+$")]
_Cursor = Annotated[
    str | None, Field(max_length=200, description="`next` of the page before; leave it out to begin at the newest")
]
_Since = Annotated[
    Moment | None,
    Field(description="From this time on: ns since 1970 or ISO 8601", examples=[to_text(_EXAMPLE_TIME)]),
]
_Until = Annotated[
    Moment | None,
    Field(description="Before this time: ns since 1970 or ISO 8601", examples=[_EXAMPLE_TIME + 5 * MINUTE]),
]


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    since: _Since = None
    until: _Until = None
    cursor: _Cursor = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError(f"until = {to_text(self.until)}: it should be after since = {to_text(self.since)}")
        return self


class SignalParameters(_Parameters):
    """Which signals."""

    timeframe: Timeframe | None = None
    direction: Direction | None = None
    strategy: _Name | None = None
    status: Annotated[
        SignalStatus,
        Field(
            description="`published`: what a desk consumes; `candidates`: all that was proposed; "
            "the others: candidates that ended so"
        ),
    ] = "published"
    min_confidence: Annotated[float | None, Field(ge=0, le=1, allow_inf_nan=False)] = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class BarParameters(_Parameters):
    """Which bars, by their close."""

    timeframe: Timeframe = "1m"
    limit: Annotated[int, Field(ge=1, le=2000)] = 300


class FeatureParameters(_Parameters):
    """Which feature vectors, by their close."""

    timeframe: Timeframe = "1m"
    names: Annotated[
        str | None,
        Field(min_length=1, max_length=2000, description="Features to leave in, separated by commas; all without it"),
    ] = None
    context: Annotated[bool, Field(description="With the features of each vector's context among them")] = False
    limit: Annotated[int, Field(ge=1, le=1000)] = 50


class GapParameters(_Parameters):
    """Which records of the integrity ledger, by the time that showed them."""

    instrument_id: _Name | None = None
    kind: GapKind | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class BookParameters(BaseModel):
    """How much of the past comes with the newest book sample."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: _Since = None
    samples: Annotated[int, Field(ge=0, le=2000, description="Most moments in `series`")] = 120


class LevelParameters(BaseModel):
    """Which estimates of liquidation levels."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timeframe: Annotated[Timeframe, Field(description="Those at its closes; of 1m too they come every five minutes")]
    since: _Since = None
    limit: Annotated[int, Field(ge=1, le=500, description="Most of them")] = 500


class DriftReportParameters(BaseModel):
    """Which candidates are held against a model's training, by their close."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: Annotated[Moment, Field(alias="from", description="From this time on: ns since 1970 or ISO 8601")]
    until: Annotated[Moment, Field(alias="to", description="Before this time; without it up to the newest")] = _LATEST
    format: ReportFormat = "html"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since >= self.until:
            raise ValueError(f"to = {to_text(self.until)}: it should be after from = {to_text(self.since)}")
        return self


def after_position(cursor: str | None) -> Position | None:
    """The place that ``cursor`` stands for.

    Raises:
        BadQueryError: it is no cursor of this API.
    """
    if cursor is None:
        return None
    try:
        position = msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=Position)
        if _EARLIEST <= position.ts <= _LATEST and str(UUID(position.id)) == position.id:
            return position
    except (msgspec.DecodeError, Base64Error, ValueError):
        pass
    raise BadQueryError(f"cursor = {cursor!r:.100}: not one of this API; leave it out to begin at the newest")


def write_cursor(ts: int, identifier: str) -> str:
    """What a client hands back to go on behind the row of this time (ns) and identifier."""
    return urlsafe_b64encode(msgspec.json.encode(Position(ts, identifier))).decode().rstrip("=")
