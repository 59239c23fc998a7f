"""Which versions of models serve, and what happened to them."""

from fastapi import APIRouter, Response

from api import examples
from api.access import READ
from api.database import Store
from api.openapi import answers
from api.views import ModelEventView, ModelStatus, answer, timed
from sinks.queries import model_events

__all__ = ["router"]

router = APIRouter(tags=["models"])

_SHOWN = 50


@router.get("/models/status", dependencies=[READ], responses=answers(ModelStatus, examples.MODELS))
async def models_status(store: Store) -> Response:
    """What serves now of each model, and the newest lines of the changelog."""
    async with store.read() as connection:
        serving = await model_events(connection, limit=_SHOWN, serving=True)
        events = await model_events(connection, limit=_SHOWN)
    views = [[timed(ModelEventView, event, event.ts_event) for event in found] for found in (serving, events)]
    return answer(ModelStatus(serving=views[0], events=views[1]))
