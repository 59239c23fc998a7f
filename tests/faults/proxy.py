"""A TCP proxy that spoils the way between two processes: slow, throttled, cut, or open on one side only."""

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

__all__ = ["Proxy"]

_CHUNK: Final = 1 << 20  # all that came while the last one was delayed, so that a slow way is not a narrow one


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes everything on to `upstream`: a port there, or a socket's path.

    `delay_s` (each way) and `bytes_per_s` (each way of each connection) may be set at any time.
    """

    def __init__(self) -> None:
        self.upstream: int | str = 0
        self.delay_s = 0.0
        self.bytes_per_s: float | None = None
        self.closed = self.deaf = False
        self._links: list[_Link] = []
        self._server = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """End every connection, and each new one until `mend`."""
        self.closed = True
        self._drop()

    def half_open(self) -> None:
        """The far side loses its connections; the near side hears nothing of it, nor any answer until `mend`.

        Connections of that time stay deaf for ever, as behind a router that was restarted: the client has to notice.
        """
        self.deaf = True
        for link in self._links:
            link.deafen()

    def mend(self) -> None:
        """Let new connections through."""
        self.closed = self.deaf = False

    def pass_on(self, source: socket.socket, target: socket.socket) -> None:
        """What has come from ``source`` goes to ``target``, until the end of either."""
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                time.sleep(self.delay_s + (len(data) / self.bytes_per_s if self.bytes_per_s else 0.0))
                target.sendall(data)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                self._links = [link for link in self._links if link.open]
                if self.closed:
                    near.close()
                else:
                    self._links.append(_Link(self, near))

    def _drop(self) -> None:
        for link in self._links:
            link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._drop()


class _Link:
    """One connection: ours to the client, and ours to the server."""

    def __init__(self, proxy: Proxy, near: socket.socket) -> None:
        self._proxy, self._near, self._deaf, self.open = proxy, near, proxy.deaf, True
        self._far = socket.socket(socket.AF_UNIX if isinstance(proxy.upstream, str) else socket.AF_INET)
        threading.Thread(target=self._forth, daemon=True).start()

    def deafen(self) -> None:
        self._deaf = True
        _end(self._far)

    def close(self) -> None:
        self.open = False
        for side in (self._far, self._near):
            _end(side)

    def _forth(self) -> None:
        with suppress(OSError):
            if not self._deaf:
                upstream = self._proxy.upstream
                self._far.connect(upstream if isinstance(upstream, str) else ("127.0.0.1", upstream))
                threading.Thread(target=self._back, daemon=True).start()
                self._proxy.pass_on(self._near, self._far)
            while self._deaf and self._near.recv(_CHUNK):
                pass  # nobody will ever read it
        self.close()

    def _back(self) -> None:
        self._proxy.pass_on(self._far, self._near)
        if not self._deaf:
            self.close()


def _end(side: socket.socket) -> None:
    with suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)  # wakes up who waits for it in another thread, which closing does not
    side.close()
