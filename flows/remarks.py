"""What the libraries under us remark: one line each on standard error, not again and again."""

import logging
import re

__all__ = ["show_remarks"]


class _Once(logging.Filter):
    """Lets a remark through that was not made in the last half minute; clients repeat theirs ten times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        remark = re.sub(r"\d+", "", f"{record.name} {record.getMessage()}")
        fresh = record.created - self._made.get(remark, 0.0) > 30.0
        if fresh:
            self._made[remark] = record.created
        return fresh


def show_remarks(name: str = "candlewick") -> None:
    """From now on, each under ``name``."""
    told_once = logging.StreamHandler()
    told_once.addFilter(_Once())
    logging.basicConfig(format=f"{name}: %(message)s", handlers=[told_once])
