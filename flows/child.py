"""A helper process that dies with the one that started it: ``python -m flows.child PARENT ARG...``.

It is the command with these arguments, or, with ``worker``, one of several workers of an engine, or, with ``replayer``,
a helper of a replay.
"""

import sys
from importlib import import_module

from flows.process import die_with_parent, end_at_once

__all__: list[str] = []

if __name__ == "__main__":
    die_with_parent(int(sys.argv.pop(1)))  # first, so that nothing is left behind if the parent is gone already
    sys.argv[0] = "candlewick"
    if sys.argv[1:] in (["worker"], ["replayer"]):
        end_at_once()
        sys.exit(import_module(f"flows.{sys.argv[1]}").main())
    import_module("flows.cli.main").main()
