"""Whether we could listen somewhere."""

import socket

__all__ = ["listening_trouble"]


def listening_trouble(host: str, port: int) -> OSError | None:
    """What would keep a server from ``host`` and ``port``, if anything would."""
    try:
        family, kind, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        return error
    return None
