"""``/ws/signals``: each published signal as it is stored, once, in one order, from wherever the client was."""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, WebSocket, WebSocketDisconnect, status
from msgspec import Struct

from api.access import READ, SUBPROTOCOL, Caller, Keyring
from api.clock import now_text
from api.config import ApiConfig
from api.database import Database
from api.errors import ApiError, BadQueryError, UnauthorizedError, UnavailableError
from api.hub import START, Hub, Parcel, parcel
from api.metrics import Metrics
from api.views import Heartbeat, Refusal
from sinks.queries import newest_stored, signals_after, stored_seq

__all__ = ["router"]

router = APIRouter()
_CATCH_UP: Final = 200
_CLOSE_S: Final = 10.0
_REASON: Final = 123  # bytes that a close frame has room for (RFC 6455, section 5.5)


class _TooSlowError(ApiError):
    """The client does not take what it is sent."""


@router.websocket("/ws/signals", dependencies=[READ])
async def stream(websocket: WebSocket) -> None:
    """Send until the client goes, or is refused, or falls too far behind."""
    sender = _Sender(websocket)
    await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in websocket.scope["subprotocols"] else None)
    with suppress(WebSocketDisconnect):
        try:
            with sender.hub.admitted(websocket.state.account):
                await _until_either_ends(sender.send_all(), sender.watch(), _until_gone(websocket))
        except (BadQueryError, UnauthorizedError) as error:
            await sender.refuse(status.WS_1008_POLICY_VIOLATION, str(error))
        except UnavailableError as error:
            await sender.refuse(status.WS_1013_TRY_AGAIN_LATER, str(error))
        except _TooSlowError as error:
            sender.metrics.dropped.inc()
            await sender.close(status.WS_1013_TRY_AGAIN_LATER, str(error))


async def _until_gone(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass  # clients have nothing to say


async def _until_either_ends(*works: Coroutine[None, None, None]) -> None:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Sender:
    """One connection's way through the signals: the stored ones first, then those that the hub hands on."""

    def __init__(self, websocket: WebSocket) -> None:
        state = websocket.app.state
        self.hub: Hub = state.hub
        self.metrics: Metrics = state.metrics
        self._store: Database = state.database
        self._config: ApiConfig = state.config
        self._websocket = websocket
        self._keyring: Keyring = state.keyring
        self._caller: Caller = websocket.state.caller
        self._sending_since: float | None = None
        self._seq = 0
        self._last = START  # the identifier of the signal at _seq

    async def send_all(self) -> None:
        """Send for ever."""
        self._seq, self._last = await self._begin(self._websocket.query_params.get("after"))
        await self._send_heartbeat()
        await self._catch_up()
        with self.hub.joined(self._seq) as (client, until):
            while self._seq < until:  # what was stored between the last look and joining
                await self._catch_up()
            while not client.dropped:
                item = await client.next(self._config.heartbeat_s)
                if not self._keyring.still(self._caller):
                    raise UnauthorizedError("the key that opened this has ended")
                if item is None:
                    await self._send_heartbeat()
                elif item.seq > self._seq:
                    await self._send_signal(item)
        raise _TooSlowError("too far behind; connect again with after = the last identifier you have")

    async def _begin(self, after: str | None) -> tuple[int, str]:
        if after == START:
            return 0, START
        async with self.hub.catching_up, self._store.read() as connection:
            if after is None:
                return await newest_stored(connection) or (0, START)
            seq = await stored_seq(connection, after) if _is_uuid(after) else None
        if seq is None:
            raise BadQueryError(
                f"after = {after!r:.100}: no published signal has this identifier; say start for all, or leave it out"
            )
        return seq, after

    async def _catch_up(self) -> None:
        found = _CATCH_UP
        while found == _CATCH_UP:
            async with self.hub.catching_up, self._store.read() as connection:
                rows = await signals_after(connection, self._seq, limit=_CATCH_UP)
            for row in rows:
                if (item := parcel(row)) is not None:
                    await self._send_signal(item)
                self._seq = row.seq
            found = len(rows)

    async def _send_signal(self, item: Parcel) -> None:
        begun = await self.hub.pace.turn()
        await self._send(item.text)
        self.hub.pace.took(begun)
        self._seq, self._last = item.seq, item.id
        self.metrics.sent.inc()

    async def _send_heartbeat(self) -> None:
        await self._send_message(Heartbeat(after=self._last, live=self.hub.live, time=now_text()))

    async def _send_message(self, message: Struct) -> None:
        await self._send(msgspec.json.encode(message).decode())

    async def _send(self, text: str) -> None:
        self._sending_since = time.monotonic()
        await self._websocket.send_text(text)
        self._sending_since = None

    async def watch(self) -> None:
        """Until a send takes too long. A timer for each send would cost as much as the send."""
        patience = self._config.send_timeout_s
        while self._sending_since is None or time.monotonic() - self._sending_since < patience:
            await asyncio.sleep(patience / 10)
        raise _TooSlowError("nothing was taken for too long")

    async def refuse(self, code: int, text: str) -> None:
        """Say why, then close: a browser's script cannot see more of a failure than a message."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._send_message(Refusal(error=text))
            await self.close(code, text)

    async def close(self, code: int, text: str) -> None:
        """Close; a client that takes nothing does not take this either, and is cut off then without a word."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._websocket.close(code, text.encode()[:_REASON].decode(errors="ignore"))


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
