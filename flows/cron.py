"""When something is due, in cron's five fields: minute, hour, day of the month, month, day of the week; UTC."""

from datetime import datetime, timedelta
from typing import Final

from flows.errors import FlowError

__all__ = ["Cron"]

_FIELDS: Final = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_YEARS: Final = 5


class Cron:
    """Times like ``0 3 1 * *``; each field is ``*``, a number, a range, a list of these, any of them with ``/step``.

    If both days are given either will do, as in cron itself; Sunday is 0 and 7.

    >>> str(Cron("0 3 1 * *").after(datetime(2024, 5, 1, 3, 0)))
    '2024-06-01 03:00:00'
    >>> str(Cron("*/20 8-9 * * 1").after(datetime(2024, 5, 1)))
    '2024-05-06 08:00:00'

    Raises:
        FlowError: no such times; names the field.
    """

    def __init__(self, text: str) -> None:
        parts = text.split()
        if len(parts) != len(_FIELDS):
            raise FlowError(f"cron {text!r}: five fields are asked for, as in '0 3 1 * *'")
        self._minutes, self._hours, self._days, self._months, weekdays = (
            _values(part, *about) for part, about in zip(parts, _FIELDS, strict=True)
        )
        self._weekdays = {day % 7 for day in weekdays}
        self._either = parts[2] != "*" and parts[4] != "*"
        self._text = text

    def after(self, moment: datetime) -> datetime:
        """The first time later than ``moment``.

        Raises:
            FlowError: there is none within some years.
        """
        found = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        end = found + timedelta(days=366 * _YEARS)
        while found < end:
            if not self._on(found):
                found = found.replace(hour=0, minute=0) + timedelta(days=1)
            elif found.hour not in self._hours:
                found = found.replace(minute=0) + timedelta(hours=1)
            elif found.minute not in self._minutes:
                found += timedelta(minutes=1)
            else:
                return found
        raise FlowError(f"cron {self._text!r}: there is no such time")

    def _on(self, moment: datetime) -> bool:
        if moment.month not in self._months:
            return False
        day, weekday = moment.day in self._days, moment.isoweekday() % 7 in self._weekdays
        return day or weekday if self._either else day and weekday


def _values(part: str, name: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for piece in part.split(","):
        span, slash, step = piece.partition("/")
        first, dash, last = span.partition("-")
        try:
            begin, end = (low, high) if span == "*" else (int(first), int(last) if dash else int(first))
            if slash and not dash and span != "*":
                end = high
            values = range(begin, end + 1, int(step) if slash else 1)
        except ValueError as error:
            raise FlowError(f"cron field {name}: {piece!r} is no number, range or step") from error
        if not values or begin < low or end > high:
            raise FlowError(f"cron field {name}: {piece!r} is not within {low} to {high}")
        found.update(values)
    return found
