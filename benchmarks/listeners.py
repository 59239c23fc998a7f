"""WebSocket clients in a process of their own: many that read, as cheaply as can be, and some that read nothing."""

import asyncio
import os
import socket
import time
from base64 import b64encode
from contextlib import ExitStack, closing
from multiprocessing.connection import Connection
from typing import Final

import msgspec
from msgspec import Struct

__all__ = ["Heard", "listen"]

_BUFFER: Final = 4096  # bytes that the kernel takes in a stalled client's place
_PREFIX: Final = b'{"type":"signal","after":"'
_ID: Final = slice(len(_PREFIX), len(_PREFIX) + 36)
_CLOSE, _PING, _PONG = 8, 9, 10
_PATIENCE_S: Final = 60.0


class Heard(Struct, frozen=True):
    """What the clients that read were sent."""

    complete: int
    """How many were sent all, each signal once and in order."""
    delivery_s: list[float]
    """From the commit of a signal to its arrival, of all of them."""


class _Listener(asyncio.Protocol):
    """Takes frames apart (RFC 6455, section 5.2) and notes which signal came when."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._waiting = b""
        self._greeted = False
        self.began = asyncio.get_running_loop().create_future()
        self.names: list[bytes] = []
        self.times: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(_handshake(self._port))

    def data_received(self, data: bytes) -> None:
        data = self._waiting + data
        at = 0
        if not self._greeted:
            if (end := data.find(b"\r\n\r\n")) < 0:
                self._waiting = data
                return
            self._greeted, at = data.startswith(b"HTTP/1.1 101"), end + 4
        now = time.monotonic()
        while len(data) - at >= 2:
            size, head = data[at + 1], 2
            if size > 125:
                head = 4 if size == 126 else 10
                if len(data) - at < head:
                    break
                size = int.from_bytes(data[at + 2 : at + head])
            if len(data) - at < head + size:
                break
            self._take(data[at] & 15, data[at + head : at + head + size], now)
            at += head + size
        self._waiting = data[at:]

    def _take(self, code: int, payload: bytes, now: float) -> None:
        if payload.startswith(_PREFIX):
            self.names.append(payload[_ID])
            self.times.append(now)
        elif code == _PING:
            mask = os.urandom(4)
            masked = bytes(byte ^ mask[number % 4] for number, byte in enumerate(payload))
            self._transport.write(bytes([0x80 | _PONG, 0x80 | len(payload)]) + mask + masked)
        elif code == _CLOSE:
            self._transport.close()
        elif not self.began.done():
            self.began.set_result(None)  # the first heartbeat


def listen(port: int, readers: int, stalled: int, main: Connection) -> None:
    """A process: connect all, say so, be told what was stored when, and answer with what was heard."""
    asyncio.run(_listen(port, readers, stalled, main))


async def _listen(port: int, readers: int, stalled: int, main: Connection) -> None:
    with ExitStack() as stack:
        clients = [await _reader(port) for _ in range(readers)]
        for _ in range(stalled):
            stack.enter_context(closing(_deaf(port)))
        main.send("connected")
        stored: dict[str, float] = await asyncio.to_thread(main.recv)
        deadline = time.monotonic() + _PATIENCE_S
        while any(len(client.names) < len(stored) for client in clients) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        names = [name.encode() for name in stored]
        times = [
            max(0.0, at - stored[name.decode()])
            for client in clients
            for name, at in zip(client.names, client.times, strict=True)
        ]
        heard = Heard(sum(client.names == names for client in clients), times)
        main.send_bytes(msgspec.msgpack.encode(heard))
        await asyncio.to_thread(main.recv)  # until nobody looks at the stalled ones any more


async def _reader(port: int) -> _Listener:
    _, client = await asyncio.get_running_loop().create_connection(lambda: _Listener(port), "127.0.0.1", port)
    async with asyncio.timeout(_PATIENCE_S):
        await client.began
    return client


def _deaf(port: int) -> socket.socket:
    """Asks for the stream and then reads nothing at all."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    client.connect(("127.0.0.1", port))
    client.sendall(_handshake(port))
    return client


def _handshake(port: int) -> bytes:
    return (
        f"GET /ws/signals HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()
