"""The command as a helper process that dies with the one that started it: ``python -m flows.child PARENT ARG...``."""

import sys

from flows.process import die_with_parent

__all__: list[str] = []

if __name__ == "__main__":
    die_with_parent(int(sys.argv.pop(1)))
    sys.argv[0] = "candlewick"
    from flows.cli.main import main  # only now, so that nothing is left behind if the parent is gone already

    main()
