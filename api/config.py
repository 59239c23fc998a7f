"""What the API is told when it is made; it reads no environment and no file of settings."""

from msgspec import Struct

__all__ = ["ApiConfig"]


class ApiConfig(Struct, frozen=True, kw_only=True):
    """Where the API reads, where it listens, and its limits. Times in seconds."""

    dsn: str
    """A libpq connection string; a role that may only read is enough."""
    host: str = "127.0.0.1"
    port: int = 8300
    allowed_hosts: tuple[str, ...] = ()
    """Names, beside ``localhost`` and plain addresses, under which browsers may reach it: guards against rebinding."""

    connections: int = 4
    connect_timeout_s: float = 2.0
    """How long a request waits for a connection before it says that the database cannot be reached."""
    statement_timeout_s: float = 5.0

    max_close_age_s: float = 180.0
    """Not ready when the newest bar of any timeframe closed longer ago."""
    max_book_age_s: float = 15.0

    poll_interval_s: float = 0.25
    """How often the store is asked for new signals, for all WebSocket clients together."""
    heartbeat_s: float = 10.0
    client_queue: int = 256
    """Signals a WebSocket client may be behind before it is dropped."""
    max_clients: int = 200
    send_timeout_s: float = 10.0
    """How long one message to a WebSocket client may take before it is dropped."""
