"""`candlewick api`."""

from flows.catalogue import catalogue_entries
from flows.serve import run_api
from flows.settings import load

__all__ = ["api"]


def api() -> None:
    """Serve the read endpoint and the page until SIGTERM or Ctrl-C."""
    run_api(load(), catalogue_entries())
