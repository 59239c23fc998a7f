"""What can be asked about, and how fresh it is."""

from fastapi import APIRouter, Response

from api import examples
from api.access import READ
from api.database import Store
from api.openapi import answers
from api.views import InstrumentList, answer, instrument_view
from sinks.queries import instruments

__all__ = ["router"]

router = APIRouter(tags=["market"])


@router.get("/instruments", dependencies=[READ], responses=answers(InstrumentList, examples.INSTRUMENTS))
async def all_instruments(store: Store) -> Response:
    """Every instrument with its definition, timeframes and newest data, by identifier."""
    async with store.read() as connection:
        states = await instruments(connection)
    return answer(InstrumentList(items=[instrument_view(state) for state in states]))
