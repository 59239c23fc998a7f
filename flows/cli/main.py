"""Where the `candlewick` command begins: with little to import, so that it can be stopped from the first moment on."""

import gc
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
    # What is imported stays: to look for garbage in it meanwhile is a sixth of the time until a command begins.
    gc.disable()
    import_module("flows.cli.application").run()


if __name__ == "__main__":
    main()
