"""What a connection may cost before anybody knows whose it is: a place among so many, and a little patience."""

import asyncio
from typing import Any, Final

import h11
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.config import ApiConfig
from api.limits import network

__all__ = ["BoundedProtocol", "bounded"]

_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: 66\r\n"
    b"retry-after: 1\r\nconnection: close\r\n\r\n"
    b'{"error":"as many connections as are allowed are open; try later"}'
)


class BoundedProtocol(H11Protocol):
    """uvicorn's, which waits for a request for ever, and for as many connections as there are descriptors."""

    bounds: ApiConfig
    proxies: ProxyHeadersMiddleware
    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, or refuse it at once."""
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        if self._has_room():
            self._expect_request()
        else:
            transport.write(_FULL)
            transport.abort()  # a close waits for the other side's, if it speaks TLS

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is expected any more."""
        self._expect_nothing()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Wait no longer once a request is there, with its body."""
        super().handle_events()
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._expect_nothing()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """From here on another protocol has the connection."""
        self._expect_nothing()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """The next request has as much time, if it begins while uvicorn keeps the connection."""
        if not self.transport.is_closing():
            self._expect_request()
        super().on_response_complete()

    def _has_room(self) -> bool:
        if len(self.connections) > self.bounds.max_connections:  # this one is among them
            return False
        host = self.client[0] if self.client else ""
        if host in self.proxies.trusted_hosts:
            return True  # it speaks for many
        clients = (getattr(each, "client", None) for each in self.connections)
        own = sum(client is not None and network(client[0]) == network(host) for client in clients)
        return own <= self.bounds.max_connections_each

    def _expect_request(self) -> None:
        self._expect_nothing()
        self._overdue = self.loop.call_later(self.bounds.request_timeout_s, self.transport.abort)

    def _expect_nothing(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None


def bounded(config: ApiConfig) -> type[BoundedProtocol]:
    """The protocol with the bounds of ``config``, as uvicorn makes it itself and tells it of nothing else."""
    nothing: Any = None  # only how it reads the list is wanted: as it does where it takes a proxy's word

    class Bounded(BoundedProtocol):
        bounds = config
        proxies = ProxyHeadersMiddleware(nothing, list(config.trusted_proxies))

    return Bounded
