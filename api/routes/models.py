"""Which versions of models serve, and what happened to them."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api import examples
from api.access import READ
from api.database import Store
from api.openapi import answers
from api.shelf import Shelf
from api.views import ModelEventView, ModelStatus, ModelView, answer, timed
from schemas.errors import CandlewickError
from sinks.queries import drift_lines, model_events

__all__ = ["router"]

router = APIRouter(tags=["models"])

_SHOWN = 50
Model = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="As /models/status names it")]
Version = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


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
    card, refused = None, "no registry of models is known here"
    if shelf is not None:
        try:
            card, refused = await asyncio.to_thread(shelf.card, model, version), ""
        except CandlewickError as error:
            refused = str(error)
    async with store.read() as connection:
        drift = await drift_lines(connection, model)
    return answer(ModelView(card=card, refused=refused, drift=drift))
