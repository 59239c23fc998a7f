"""Where the `candlewick` command begins: with little to import, so that it can be stopped from the first moment on."""

import sys
from importlib import import_module
from typing import Final

from flows.process import end_at_once

__all__ = ["main"]

_STOPPABLE: Final = {"api", "backfill", "demo", "ingest", "retrain", "run", "store", "up"}
"""What runs until it is stopped, so a stop is a good end."""


def main() -> None:
    """Run the command."""
    if _STOPPABLE.intersection(sys.argv[1:2]):
        end_at_once()
    import_module("flows.cli.application").run()


if __name__ == "__main__":
    main()
