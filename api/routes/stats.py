"""What went through each stage."""

from fastapi import APIRouter, Response

from api import examples
from api.access import READ
from api.clock import now_text
from api.database import Store
from api.openapi import answers
from api.views import Stats, answer, stage_view
from sinks.figures import log_offsets, table_figures

__all__ = ["router"]

router = APIRouter(tags=["quality"])


@router.get("/stats", dependencies=[READ], responses=answers(Stats, examples.STATS))
async def stats(store: Store) -> Response:
    """Rows and newest time of every table of results, and how far the store has read each topic."""
    async with store.read() as connection:
        stages = await table_figures(connection)
        offsets = await log_offsets(connection)
    return answer(Stats(now=now_text(), stages=[stage_view(figures) for figures in stages], offsets=offsets))
