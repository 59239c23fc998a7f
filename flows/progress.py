"""A progress bar on standard error, where that is a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flows.feeds import Entry, Feed

__all__ = ["shown"]

_EVERY: Final = 10_000


@contextmanager
def shown(feed: Feed) -> Iterator[Iterator[Entry]]:
    """The feed's items; passing through, they move a bar on."""
    if not sys.stderr.isatty() or not feed.size:
        yield iter(feed.items)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.fields[count]:,} records"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=feed.size, count=0)

        def passing() -> Iterator[Entry]:
            count = 0
            for count, item in enumerate(feed.items, 1):
                if not count % _EVERY:
                    progress.update(task, completed=feed.read, count=count)
                yield item
            progress.update(task, completed=feed.size, count=count)

        yield passing()
