"""Pages of a list: one row more than asked for is read, so that the last page says that it is the last."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from api.parameters import write_cursor

__all__ = ["cut"]

T = TypeVar("T")


def cut(rows: Sequence[T], limit: int, place: Callable[[T], tuple[int, str]]) -> tuple[Sequence[T], str | None]:
    """The first ``limit`` of ``rows``, and the cursor behind them if there are more.

    ``place`` gives a row's time (ns) and identifier, by which the list is ordered.
    """
    shown = rows[:limit]
    return shown, write_cursor(*place(shown[-1])) if len(rows) > limit else None
