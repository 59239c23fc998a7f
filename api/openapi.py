"""OpenAPI from the message types themselves: routes name a view, msgspec writes its schema."""

from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from msgspec import Struct

from api import views
from api.errors import Problem

__all__ = ["DescribedApi", "answers", "refusals"]

_WHERE: Final = "#/components/schemas/{name}"
_VIEWS: Final = (
    views.SignalPage, views.BarPage, views.Catalogue, views.FeaturePage, views.GapPage, views.BooksView,
    views.LevelsView, views.InstrumentList, views.ModelStatus, views.ModelView,
    views.Stats, views.KeyList, views.Health, views.Readiness, views.SignalMessage, views.Heartbeat, views.Refusal,
    Problem,
)  # fmt: skip
_DESCRIPTION: Final = """\
What Candlewick has stored, to read. Times named `ts_*` are integer nanoseconds since 1970 (UTC); `time` is the same \
instant in ISO 8601. Lists come newest first; `next` of a page is the `cursor` of the one behind, and paging neither \
loses nor doubles a row while others are added. Every failure is one line in `error`.

**WebSocket `/ws/signals?after=`** sends each published signal as it is stored: `SignalMessage`, with a `Heartbeat` \
first and in silence. `after` is the identifier of the last signal you have (`start`: from the first ever; without it: \
from now on). A client that does not keep up is closed with code 1013 and comes back with `after`; so is one too many, \
of one caller or of all, with the reason. A browser, which cannot give headers here, sends its key as a subprotocol \
beside `candlewick`.
"""


_REFUSALS: Final = {
    401: "It takes a key, and there was none, or one that has ended",
    403: "It takes a key of another role",
    422: "A parameter that cannot be used",
    429: "Too many requests; Retry-After says when to ask again",
    503: "The database cannot answer now",
}


def answers(
    view: type[Struct], example: Struct, *, named: bool = False, also: int | None = None
) -> dict[int | str, dict[str, Any]]:
    """What FastAPI is told of a route that answers with ``view``.

    Parameters:
        named: it may not know what is asked for.
        also: a status beside 200 that has the same body.
    """
    described = {**_content(view, example), "description": (view.__doc__ or "").splitlines()[0]}
    unknown = "An unknown instrument" if named else None
    return {200: described, **refusals(unknown), **({} if also is None else {also: described})}


def refusals(unknown: str | None = None) -> dict[int | str, dict[str, Any]]:
    """What a route may answer beside a success; ``unknown`` says what it may not know, if anything."""
    words = _REFUSALS if unknown is None else {**_REFUSALS, 404: unknown}
    return {status: {**_content(Problem), "description": text} for status, text in words.items()}


class DescribedApi(FastAPI):
    """An application whose OpenAPI document has the schemas of the views that its routes name."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            schema = get_openapi(title=self.title, version=self.version, description=_DESCRIPTION, routes=self.routes)
            _, components = msgspec.json.schema_components(_VIEWS, ref_template=_WHERE)
            described = schema.setdefault("components", {}).setdefault("schemas", {})
            described.update(components)
            for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own shape of a refusal
                described.pop(unused, None)
            self.openapi_schema = schema
        return self.openapi_schema


def _content(view: type[Struct], example: Struct | None = None) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": {"$ref": _WHERE.format(name=view.__name__)}}
    if example is not None:
        media["example"] = msgspec.to_builtins(example)
    return {"content": {"application/json": media}}
