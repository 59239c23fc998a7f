"""What the features mean."""

from fastapi import APIRouter, Request, Response

from api import examples
from api.access import READ
from api.openapi import answers
from api.views import Catalogue, answer

__all__ = ["router"]

router = APIRouter(tags=["market"])


@router.get("/catalogue", dependencies=[READ], responses=answers(Catalogue, examples.CATALOGUE))
async def catalogue(request: Request) -> Response:
    """Every feature of a vector and then of its context: its formula and where that is from, in their order."""
    return answer(Catalogue(items=request.app.state.config.catalogue))
