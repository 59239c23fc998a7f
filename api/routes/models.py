"""Which versions of models serve, and what happened to them."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from api import examples
from api.access import READ, REVIEW
from api.database import Store
from api.errors import BadQueryError, NotFoundError, UnavailableError
from api.openapi import answers, refusals
from api.parameters import DriftReportParameters
from api.shelf import Shelf
from api.views import ModelEventView, ModelStatus, ModelView, answer, timed
from schemas.errors import AwayError, CandlewickError
from sinks.queries import drift_lines, model_events

__all__ = ["router"]

router = APIRouter(tags=["models"])

_SHOWN = 50
Model = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="As /models/status names it")]
Version = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
_NO_SHELF: Final = "no registry of models is known here"
_REPORT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Evidently's report, as a file",
        "content": {"text/html": {"schema": {"type": "string"}}, "application/json": {"schema": {"type": "object"}}},
    },
    **refusals("A version that the registry does not have"),
}


@router.get("/models/status", dependencies=[READ], responses=answers(ModelStatus, examples.MODELS))
async def models_status(store: Store) -> Response:
    """What serves now of each model, and the newest lines of the changelog."""
    async with store.read() as connection:
        serving = await model_events(connection, limit=_SHOWN, serving=True)
        events = await model_events(connection, limit=_SHOWN)
    views = [[timed(ModelEventView, event, event.ts_event) for event in found] for found in (serving, events)]
    return answer(ModelStatus(serving=views[0], events=views[1]))


@router.get("/models/{model}/{version}", dependencies=[READ], responses=answers(ModelView, examples.MODEL))
async def model_version(request: Request, store: Store, model: Model, version: Version) -> Response:
    """How good a version was out of sample, what it looks at, and how far that has drifted since."""
    shelf: Shelf | None = request.app.state.config.shelf
    card, refused = None, _NO_SHELF
    if shelf is not None:
        try:
            card, refused = await asyncio.to_thread(shelf.card, model, version), ""
        except CandlewickError as error:
            refused = str(error)
    async with store.read() as connection:
        drift = await drift_lines(connection, model)
    return answer(ModelView(card=card, refused=refused, drift=drift))


@router.get("/models/{model}/{version}/drift-report", dependencies=[REVIEW], responses=_REPORT, response_class=Response)
async def drift_report(
    request: Request, model: Model, version: Version, parameters: Annotated[DriftReportParameters, Query()]
) -> Response:
    """Candidates with `from <= close < to`, as the model sees them, against its training: Evidently's report."""
    shelf: Shelf | None = request.app.state.config.shelf
    if shelf is None:
        raise NotFoundError(_NO_SHELF)
    try:
        await asyncio.to_thread(shelf.card, model, version)
    except CandlewickError as error:
        raise NotFoundError(str(error)) from error
    wanted = parameters.format
    try:
        found = await asyncio.to_thread(
            shelf.drift_report, model, version, parameters.since, parameters.until, wanted
        )  # fmt: skip
    except AwayError as error:
        raise UnavailableError(str(error)) from error
    except CandlewickError as error:
        raise BadQueryError(str(error)) from error
    # As a file: the page's policy lets no script of a document's own run, and Evidently's page is made of such.
    name = f"drift-{model}-{version}.{wanted}"
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(found, 200, headers, "text/html" if wanted == "html" else "application/json")
