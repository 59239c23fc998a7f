"""Feature vectors, and why there is none where there is none."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import examples
from api.access import READ
from api.database import Store, require_instrument
from api.errors import BadQueryError
from api.openapi import answers
from api.paging import cut
from api.parameters import FeatureParameters, Symbol, after_position
from api.views import FeaturePage, answer, feature_view
from schemas.results import FeatureRecord, Vector
from sinks.queries import features

__all__ = ["router"]

router = APIRouter(tags=["market"])


@router.get(
    "/features/{symbol:path}", dependencies=[READ], responses=answers(FeaturePage, examples.FEATURES, named=True)
)
async def features_of(store: Store, symbol: Symbol, parameters: Annotated[FeatureParameters, Query()]) -> Response:
    """Vectors of an instrument and timeframe with `since <= close < until`, newest first."""
    after = after_position(parameters.cursor)
    async with store.read() as connection:
        await require_instrument(connection, symbol)
        rows = await features(
            connection, symbol, parameters.timeframe,
            limit=parameters.limit + 1, since=parameters.since, until=parameters.until, after=after,
            context=parameters.context,
        )  # fmt: skip
    shown, following = cut(rows, parameters.limit, lambda record: (record.ts_close, record.id))
    names = _names(parameters.names, shown)
    return answer(FeaturePage(items=[feature_view(row, names) for row in shown], next=following))


def _names(text: str | None, rows: Sequence[FeatureRecord]) -> frozenset[str] | None:
    if text is None:
        return None
    names = frozenset(name.strip() for name in text.split(","))
    known = {name for row in rows if isinstance(row, Vector) for name in row.features}
    if known and (unknown := names - known):
        raise BadQueryError(f"names = {min(unknown)!r}: no such feature here; there are {', '.join(sorted(known))}")
    return names
