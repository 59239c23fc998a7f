"""The simulated market as one stream of records, in the order in which they are received."""

from collections.abc import Iterator
from operator import attrgetter

from schemas.market import BookSnapshot, ExchangeBar, InstrumentDefinition, MarketEvent
from schemas.time import DAY
from sources.malformed import Malformed
from sources.simulator.config import SimulatorConfig
from sources.simulator.faults import FaultyLine
from sources.simulator.feed import Feed
from sources.simulator.history import history_bars
from sources.simulator.positions import TruePosition
from sources.simulator.prices import Coins

__all__ = ["Simulator"]

_by_received = attrgetter("ts_received")


class Simulator:
    """An iterator of canonical records, ``ts_received`` never falling, the same for an equal configuration.

    It ends after ``duration``, or never. There are no heartbeats, memberships or definitions in it: who writes the log
    puts them in. A record may be `Malformed` where such a fault is on. What `book` and `true_positions` tell is as of
    the second that the stream is in the midst of: its end, when the stream is exhausted.

    >>> from schemas.time import SECOND
    >>> from sources.simulator.config import SimulatorConfig
    >>> config = SimulatorConfig(seed=1, start=1_700_000_000 * SECOND)
    >>> type(next(Simulator(config))).__name__
    'BookSnapshot'
    """

    def __init__(self, config: SimulatorConfig) -> None:
        """
        Raises:
            SimulatorError: a value outside its limits.
        """
        self._config = config = config.checked()
        self._coins = coins = Coins(config)
        self._feeds = [Feed(config, listing, coins) for listing in config.instruments]
        self._lines = [
            FaultyLine(config.faults, seed=config.seed, start=config.start, instrument_id=feed.instrument_id)
            for feed in self._feeds
        ]
        self._now = config.start
        self._stream = self._run()

    def __iter__(self) -> Iterator[MarketEvent | Malformed]:
        return self._stream

    def __next__(self) -> MarketEvent | Malformed:
        return next(self._stream)

    def definitions(self, days: float = 0.0) -> list[InstrumentDefinition]:
        """The instruments' definitions as of the start, or of ``days`` before it, where history begins."""
        begin = self._config.start - round(days * DAY)
        return [listing.definition(begin) for listing in self._config.instruments]

    def history_bars(self, until: int | None = None, days: float = 1.0) -> Iterator[ExchangeBar]:
        """1m bars of ``days`` before ``until`` (ns; the start, unless given), see `history.history_bars`."""
        return history_bars(self._config, self._config.start if until is None else until, days)

    def book(self, instrument_id: str) -> BookSnapshot:
        """An instrument's book as it truly is.

        Raises:
            KeyError: there is no such instrument.
        """
        return {feed.instrument_id: feed for feed in self._feeds}[instrument_id].snapshot(self._now)

    def true_positions(self) -> list[TruePosition]:
        """The cohorts of positions that stand behind open interest and liquidations, of all perpetuals."""
        return [
            position
            for feed in self._feeds
            if feed.perpetual is not None
            for position in feed.perpetual.positions.true_positions()
        ]

    def _run(self) -> Iterator[MarketEvent | Malformed]:
        config = self._config
        waiting: list[MarketEvent | Malformed] = []
        for feed, line in zip(self._feeds, self._lines, strict=True):
            waiting += line.pass_on(feed.open(config.start), config.start, feed.snapshot)
        end = None if config.duration is None else config.start + config.duration
        while end is None or self._now < end:
            self._advance(waiting, end)
            waiting.sort(key=_by_received)  # stable: within an instrument the order of sending stays
            ready = next((i for i, record in enumerate(waiting) if record.ts_received >= self._now), len(waiting))
            yield from waiting[:ready]
            del waiting[:ready]
        for line in self._lines:
            waiting += line.rest()
        yield from sorted(waiting, key=_by_received)

    def _advance(self, waiting: list[MarketEvent | Malformed], end: int | None) -> None:
        """Simulate a second, or what is left of it before ``end``."""
        step = self._config.step
        for _ in range(self._config.steps_per_second):
            if end is not None and self._now + step > end:
                self._now = end
                return
            self._now = now = self._now + step
            self._coins.advance(now)
            for feed, line in zip(self._feeds, self._lines, strict=True):
                waiting += line.pass_on(feed.step(now), now, feed.snapshot)
