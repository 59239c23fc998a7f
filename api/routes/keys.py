"""The keys of the API, for who keeps them."""

from fastapi import APIRouter, Response

from api import examples
from api.access import ADMIN
from api.database import Store
from api.openapi import answers
from api.views import KeyList, answer
from sinks.api_keys import stored_keys

__all__ = ["router"]

router = APIRouter(tags=["operation"])


@router.get("/keys", dependencies=[ADMIN], responses=answers(KeyList, examples.KEYS))
async def all_keys(store: Store) -> Response:
    """Every key that ever was, without its secret, the oldest first; `candlewick keys` makes and ends them."""
    async with store.read() as connection:
        found = await stored_keys(connection)
    return answer(KeyList(items=sorted((one.key for one in found.values()), key=lambda key: (key.created_at, key.id))))
