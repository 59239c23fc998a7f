"""One look into the store for all who listen: new signals are fetched once and put into each client's short queue."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
from msgspec import Struct

from api.config import ApiConfig
from api.database import Database
from api.errors import UnavailableError
from api.metrics import Metrics
from api.pace import Pace
from api.views import SignalMessage, SignalView, timed
from sinks.queries import Stored, newest_stored, signals_after

__all__ = ["START", "Client", "Hub", "Parcel", "parcel"]

_log: Final = logging.getLogger(__name__)
START: Final = "start"
"""The place before the first signal."""
_BREATH_S: Final = 0.02  # between two looks at whether there is room
_PATIENCE_S: Final = 1.0  # in which there has to be: who has none then is too slow
_CATCHING_UP: Final = 2  # clients at once; the other connections of the pool are for requests


class Parcel(Struct, frozen=True):
    """A signal as every client gets it, encoded once."""

    seq: int
    id: str
    text: str


def parcel(stored: Stored) -> Parcel | None:
    """The message of a stored signal; ``None`` for a row that cannot be read, which is passed over."""
    signal = stored.signal
    if signal is None:
        return None
    message = SignalMessage(after=signal.id, signal=timed(SignalView, signal, signal.ts_event))
    return Parcel(stored.seq, signal.id, msgspec.json.encode(message).decode())


class Client:
    """What one listener has not been sent yet: never more than ``size`` signals."""

    def __init__(self, size: int) -> None:
        self._queue: asyncio.Queue[Parcel] = asyncio.Queue(size)
        self.dropped = False
        """It fell behind by more than its queue holds; what came since is not in it."""

    def offer(self, item: Parcel) -> None:
        """Put ``item`` behind the others, or give the client up for good."""
        if self.dropped:
            return
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            self.dropped = True

    @property
    def behind(self) -> int:
        """How many it has not been sent."""
        return self._queue.qsize()

    async def next(self, timeout: float) -> Parcel | None:
        """The next signal; ``None`` if there was none for ``timeout`` seconds."""
        if not self._queue.empty():
            return self._queue.get_nowait()
        try:
            async with asyncio.timeout(timeout):
                return await self._queue.get()
        except TimeoutError:
            return None


class Hub:
    """Follows the order of storing and hands on what is new."""

    def __init__(self, store: Database, config: ApiConfig, metrics: Metrics) -> None:
        self._store, self._config, self._metrics = store, config, metrics
        self._batch = max(1, config.client_queue // 2)  # however much is stored at once, it cannot drop a quick client
        self._clients: set[Client] = set()
        self._admitted: Counter[str] = Counter()
        self._seq: int | None = None  # None: nothing was asked yet
        self.pace = Pace()
        self.catching_up = asyncio.Semaphore(_CATCHING_UP)
        self.live = False
        """Whether the store could be asked last time."""

    @contextmanager
    def admitted(self, account: str) -> Iterator[None]:
        """Counts a connection while it lasts, as one of ``account``; one that is refused takes nobody's place.

        Raises:
            UnavailableError: there are as many as are allowed, of all callers or of this one.
        """
        if self._admitted[account] >= self._config.max_clients_each:
            raise UnavailableError(
                f"{self._config.max_clients_each} streams are open under this key or address, the most that one caller"
                " may have; close one of them"
            )
        if self._admitted.total() >= self._config.max_clients:
            raise UnavailableError("as many clients as are allowed are connected; come back later")
        self._admitted[account] += 1
        self._metrics.clients.inc()
        try:
            yield
        finally:
            self._admitted[account] -= 1
            self._admitted += Counter()  # forgets who has none
            self._metrics.clients.dec()

    @contextmanager
    def joined(self, seq: int) -> Iterator[tuple[Client, int]]:
        """A client that is offered every signal from now on, and the place up to which it has to look by itself.

        ``seq`` is how far it knows the store; a hub that has not asked yet begins there.
        """
        if self._seq is None:
            self._seq = seq
        client = Client(self._config.client_queue)
        self._clients.add(client)
        try:
            yield client, self._seq
        finally:
            self._clients.discard(client)

    async def run(self) -> None:
        """Look for new signals for ever, whatever goes wrong: the store is asked again."""
        known = False  # whether the failure that lasts is in the log
        while True:
            try:
                while await self._look() == self._batch:
                    await self._until_room()
                self.live, known = True, False
            except UnavailableError:
                self.live = False
            except Exception:
                self.live = False
                if not known:
                    _log.exception("looking for new signals failed; trying again until it works")
                known = True
            await asyncio.sleep(self._config.poll_interval_s)
            await self._until_room()

    async def _until_room(self) -> None:
        """Until most clients could take another batch: signals come no faster than they can be sent."""
        deadline = time.monotonic() + _PATIENCE_S
        while 2 * sum(client.behind > self._batch for client in self._clients) > len(self._clients):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(_BREATH_S)

    async def _look(self) -> int:
        async with self._store.read() as connection:
            if self._seq is None:
                newest = await newest_stored(connection)
                begin, found = newest[0] if newest else 0, []
            else:
                begin, found = self._seq, await signals_after(connection, self._seq, limit=self._batch)
        # Nothing is awaited from here on, so a client that joins is offered all of this batch or nothing of it.
        if self._seq is None:
            self._seq = begin
        for stored in found:
            self._seq = stored.seq
            if (item := parcel(stored)) is None:
                _log.error("signal at place %d in signal_order cannot be read; passed over", stored.seq)
                continue
            for client in self._clients:
                client.offer(item)
        return len(found)
