"""What Prometheus is told; a registry of each application's own, so that two in one process do not mix."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from api.clock import age_s
from api.database import Database
from api.errors import UnavailableError
from sinks.exposition import VitalsCollector
from sinks.figures import table_figures

__all__ = ["Metrics"]

_BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Requests and clients are counted as they come; store and vitals are asked when someone scrapes."""

    def __init__(self, vitals: VitalsCollector | None = None) -> None:
        self._registry: Final = CollectorRegistry()
        if vitals is not None:
            self._registry.register(vitals)
        self.requests: Final = Counter(
            "candlewick_api_requests", "HTTP requests", ["method", "route", "status"], registry=self._registry
        )
        self.latency: Final = Histogram(
            "candlewick_api_request_seconds", "Time until an answer was sent whole", ["route"],
            buckets=_BUCKETS, registry=self._registry,
        )  # fmt: skip
        self.clients: Final = Gauge("candlewick_api_ws_clients", "WebSocket clients", registry=self._registry)
        self.sent: Final = Counter("candlewick_api_ws_signals", "Signals sent to clients", registry=self._registry)
        self.dropped: Final = Counter(
            "candlewick_api_ws_dropped", "Clients dropped as they did not keep up", registry=self._registry
        )
        self._up: Final = Gauge(
            "candlewick_api_database_up", "1 if the store could be asked at this scrape", registry=self._registry
        )
        self._rows: Final = Gauge(
            "candlewick_stored_rows", "Rows of a table of results", ["table"], registry=self._registry
        )
        self._age: Final = Gauge(
            "candlewick_newest_age_seconds", "Age of the newest row by its own time", ["table"], registry=self._registry
        )

    async def exposition(self, store: Database) -> bytes:
        """The text that Prometheus reads, with fresh figures of ``store`` if it can be asked."""
        try:
            async with store.read() as connection:
                figures = await table_figures(connection)
        except UnavailableError:
            self._up.set(0)
            return generate_latest(self._registry)
        self._up.set(1)
        for table in figures:
            self._rows.labels(table.table).set(table.rows)
            if table.newest is not None:
                self._age.labels(table.table).set(age_s(table.newest))
        return generate_latest(self._registry)
