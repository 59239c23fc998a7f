"""For whoever watches over the process: is it up, is it ready, how does it do."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api import examples
from api.access import WATCH, Watcher
from api.database import Store
from api.openapi import answers
from api.readiness import Readying
from api.views import Health, Readiness, answer

__all__ = ["router"]

router = APIRouter(tags=["operation"])


@router.get("/health", responses=answers(Health, examples.HEALTH))
async def health(request: Request) -> Response:
    """The process is up; nothing is said of the database."""
    return answer(Health(status="up", version=request.app.version))


@router.get("/ready", responses=answers(Readiness, examples.READINESS, also=503))
async def ready(request: Request, watcher: Watcher) -> Response:
    """200 if everything that is read here is there and fresh, else 503 with the same body and the reasons in it.

    It is looked at once a second. The reasons are told to whoever may read; that it is not ready to all.
    """
    readying: Readying = request.app.state.readying
    state = await readying.state()
    if not watcher:
        state = Readiness(ready=state.ready, checks=[])
    return answer(state, 200 if state.ready else 503)


@router.get("/metrics", dependencies=[WATCH], response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request, store: Store) -> Response:
    """Prometheus' text format."""
    body = await request.app.state.metrics.exposition(store)
    return Response(body, media_type=CONTENT_TYPE_LATEST)
