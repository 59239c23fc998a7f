"""The proxy itself: what passes, and what does not."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.proxy import Proxy


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Before a server that echoes."""
    server = socket.create_server(("127.0.0.1", 0))

    def echo(peer: socket.socket) -> None:
        with peer:
            while data := peer.recv(100):
                peer.sendall(data)

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=echo, args=[peer], daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    with Proxy() as proxy, server:
        proxy.upstream = server.getsockname()[1]
        yield proxy
        server.shutdown(socket.SHUT_RDWR)


def client(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def ask(peer: socket.socket) -> bytes:
    peer.sendall(b"hello")
    return peer.recv(100)


def test_what_is_sent_arrives_late_if_it_has_to(proxy: Proxy) -> None:
    with client(proxy) as peer:
        assert ask(peer) == b"hello"
        proxy.delay_s, began = 0.05, time.monotonic()
        assert ask(peer) == b"hello"
        assert time.monotonic() - began >= 0.1


def test_a_cut_ends_what_is_open_and_what_comes_until_it_is_mended(proxy: Proxy) -> None:
    with client(proxy) as peer:
        assert ask(peer) == b"hello"
        proxy.cut()
        assert peer.recv(100) == b""
    with client(proxy) as peer:
        assert peer.recv(100) == b""
    proxy.mend()
    with client(proxy) as peer:
        assert ask(peer) == b"hello"


def test_half_open_is_silence_and_stays_so_for_old_connections(proxy: Proxy) -> None:
    with client(proxy) as old:
        assert ask(old) == b"hello"
        proxy.half_open()
        with client(proxy) as new:
            for peer in (old, new):
                peer.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    ask(peer)
            proxy.mend()
            with pytest.raises(TimeoutError):
                ask(new)
        with pytest.raises(TimeoutError):
            ask(old)
    with client(proxy) as peer:
        assert ask(peer) == b"hello"
