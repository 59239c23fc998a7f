"""Whether what is read here is there and fresh: one named check a condition, so that a person sees what is wrong."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from api.clock import age_s
from api.config import ApiConfig
from api.database import Database
from api.errors import UnavailableError
from api.views import Check, Readiness
from sinks.figures import missing_tables
from sinks.health import checks as judge
from sinks.queries import InstrumentState, instruments
from sinks.vitals import read_vitals

__all__ = ["Readying"]

_RETIRED_S: Final = 86_400.0  # a book silent for longer is of an instrument that nobody follows any more


class Readying:
    """The checks of a moment ago, for all who ask: whoever asks needs no key, and the pool is small."""

    def __init__(self, store: Database, config: ApiConfig, now: Callable[[], float] = time.monotonic) -> None:
        self._store, self._config, self._now = store, config, now
        self._state: Readiness | None = None
        self._until = 0.0
        self._looking = asyncio.Lock()

    async def state(self) -> Readiness:
        """Looks again at most every ``ready_cache_s``, however many wait for it."""
        async with self._looking:
            if self._state is None or self._now() >= self._until:
                self._state = await _look(self._store, self._config)
                self._until = self._now() + self._config.ready_cache_s
            return self._state


async def _look(store: Database, config: ApiConfig) -> Readiness:
    """All checks; those behind a failed one are left out, as they could say nothing.

    Of the stages that run beside the API on this machine, what they tell of themselves is judged too.
    """
    checks: list[Check] = []
    try:
        async with store.read() as connection:
            checks.append(Check(name="database", ok=True, detail="reachable"))
            missing = await missing_tables(connection)
            checks.append(_migrations(missing))
            if not missing:
                states = await instruments(connection)
                checks += [_bars(states, config.max_close_age_s), _books(states, config.max_book_age_s)]
    except UnavailableError as error:
        checks = [Check(name="database", ok=False, detail=str(error))]
    if config.vitals is not None:
        found = [vitals for vitals in read_vitals(config.vitals) if vitals.stage != "api"]
        checks += judge(found, time.monotonic_ns(), config.limits)
    return Readiness(ready=all(check.ok for check in checks), checks=checks)


def _migrations(missing: Sequence[str]) -> Check:
    detail = f"no table {', '.join(missing)}; `candlewick migrate` makes them" if missing else "all tables are there"
    return Check(name="migrations", ok=not missing, detail=detail)


def _bars(states: Sequence[InstrumentState], limit: float) -> Check:
    newest = max((state.newest_close for state in states if state.newest_close is not None), default=None)
    if newest is None:
        return Check(name="bars", ok=False, detail="no bar is stored; are `candlewick run` and `store` running?")
    age = age_s(newest)
    return Check(name="bars", ok=age <= limit, detail=f"the newest bar closed {age:.0f} s ago; allowed are {limit:.0f}")


def _books(states: Sequence[InstrumentState], limit: float) -> Check:
    ages = {
        state.definition.instrument_id: (age_s(state.newest_book), bool(state.stale))
        for state in states
        if state.definition.status == "trading" and state.newest_book is not None
    }
    followed = {name: found for name, found in ages.items() if found[0] <= max(limit, _RETIRED_S)}
    bad = [
        f"{name} " + ("is stale" if age <= limit else f"is {age:.0f} s old")
        for name, (age, stale) in followed.items()
        if age > limit or stale
    ]
    told = bad or [f"{len(followed)} fresh and in sequence" if followed else "no book sample of the last day is stored"]
    if retired := sorted(ages.keys() - followed.keys()):
        told = [*told, f"not judged, as they have been silent for a day: {', '.join(retired)}"]
    return Check(name="books", ok=bool(followed) and not bad, detail="; ".join(told))
