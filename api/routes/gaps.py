"""The integrity ledger: what of the input was lost, late or found again."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import examples
from api.access import READ
from api.database import Store, require_instrument
from api.openapi import answers
from api.paging import cut
from api.parameters import GapParameters, after_position
from api.views import GapPage, GapView, answer, timed
from sinks.queries import gaps

__all__ = ["router"]

router = APIRouter(tags=["quality"])


@router.get("/gaps", dependencies=[READ], responses=answers(GapPage, examples.GAPS, named=True))
async def all_gaps(store: Store, parameters: Annotated[GapParameters, Query()]) -> Response:
    """Records of the ledger, newest first."""
    after = after_position(parameters.cursor)
    async with store.read() as connection:
        if parameters.instrument_id is not None:
            await require_instrument(connection, parameters.instrument_id)
        rows = await gaps(
            connection, limit=parameters.limit + 1, instrument_id=parameters.instrument_id, kind=parameters.kind,
            since=parameters.since, until=parameters.until, after=after,
        )  # fmt: skip
    shown, following = cut(rows, parameters.limit, lambda gap: (gap.ts_end, gap.id))
    return answer(GapPage(items=[timed(GapView, row, row.ts_end) for row in shown], next=following))
