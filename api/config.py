"""What the API is told when it is made; it reads no environment and no file of settings."""

from ipaddress import ip_address
from pathlib import Path

from msgspec import Struct

from api.shelf import Shelf
from schemas.catalogue import FeatureEntry
from sinks.health import Limits

__all__ = ["ApiConfig"]


class ApiConfig(Struct, frozen=True, kw_only=True):
    """Where the API reads, where it listens, and its limits. Times in seconds."""

    dsn: str
    """A libpq connection string; a role that may only read is enough."""
    host: str = "127.0.0.1"
    port: int = 8300
    allowed_hosts: tuple[str, ...] = ()
    """Names, beside ``localhost`` and plain addresses, under which browsers may reach it: guards against rebinding."""
    cors_origins: tuple[str, ...] = ()
    """Other sites whose pages may ask here, such as ``https://desk.example``."""
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses or networks whose word on the caller's address and on TLS is taken (X-Forwarded-For, -Proto)."""
    tls_certificate: str | None = None
    """A PEM file: the certificate and those that signed it. With ``tls_key``: serve HTTPS and nothing else."""
    tls_key: str | None = None

    open_to_all: bool = False
    """Whoever reaches it may read without a key."""
    keys_interval_s: float = 2.0
    """How often the keys are looked at: how long a revoked one may still be taken."""
    rate_limit: float = 100.0
    """Requests a second of one key, or of one address without a key; twice as many may come at once."""
    max_body: int = 65_536
    """Bytes of a request's body."""
    max_connections: int = 512
    """Open at once, of all callers, WebSockets among them; half as many as a process may usually have descriptors."""
    max_connections_each: int = 128
    """Of them, those of one address that is not a trusted proxy's."""
    request_timeout_s: float = 10.0
    """A connection is cut if it takes longer to send a request."""

    connections: int = 4
    connect_timeout_s: float = 2.0
    """How long a request waits for a connection before it says that the database cannot be reached."""
    statement_timeout_s: float = 5.0

    max_close_age_s: float = 180.0
    """Not ready when the newest bar of any timeframe closed longer ago."""
    max_book_age_s: float = 15.0
    ready_cache_s: float = 1.0
    """How long an answer of ``/ready`` is given again."""
    vitals: Path | None = None
    """Where the other stages on this machine write their vitals, for readiness and metrics; ``None``: not asked."""
    limits: Limits = Limits()
    """What is too long in them."""

    catalogue: tuple[FeatureEntry, ...] = ()
    """What the features mean."""
    shelf: Shelf | None = None
    """Who keeps the models; ``None``: nobody here."""

    poll_interval_s: float = 0.25
    """How often the store is asked for new signals, for all WebSocket clients together."""
    heartbeat_s: float = 10.0
    client_queue: int = 256
    """Signals a WebSocket client may be behind before it is dropped."""
    max_clients: int = 200
    """WebSocket clients at once."""
    max_clients_each: int = 50
    """Of them, those of one key, or of one address without a key."""
    send_timeout_s: float = 10.0
    """How long one message to a WebSocket client may take before it is dropped."""
    ping_s: float = 20.0
    """A WebSocket client is pinged so often, and dropped if it has not answered within this time."""
    give_up_s: float = 30.0
    """A connection of any kind is cut if nothing of what was sent was taken for so long."""

    @property
    def is_local(self) -> bool:
        """Whether only this machine is meant to reach it: it listens on loopback, under no name of its own."""
        try:
            loopback = self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            loopback = False
        return loopback and not self.allowed_hosts
