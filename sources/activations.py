"""Activations of models, and parameters of regimes, from a file: the log's own records, a JSON object a line."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from schemas.codec import DecodeError, decode_event
from schemas.market import CONTROL, Activation, Regimes
from sources.malformed import Malformed
from sources.tapes.files import Damage, OneFile

__all__ = ["Activations"]


class Activations(OneFile):
    """The records of one file by their receipt, whatever order they stand in; what is none is `Malformed`."""

    recorded: Final = False

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path = path

    def __iter__(self) -> Iterator[Activation | Regimes | Malformed]:
        """The malformed lines, then the records."""
        records: list[Activation | Regimes] = []
        number = 0
        try:
            for number, raw in enumerate(self._part.lines(), 1):
                if not raw.strip():
                    continue
                try:
                    records.append(_record(raw))
                except DecodeError as error:
                    yield self._malformed(number, raw, str(error), records[-1:])
        except Damage as damage:
            yield self._malformed(number + 1, damage.rest, str(damage), records[-1:])
        records.sort(key=lambda record: record.ts_received)
        yield from records

    def _malformed(self, number: int, raw: bytes, reason: str, before: Sequence[Activation | Regimes]) -> Malformed:
        at = before[0].ts_received if before else 0
        return Malformed(feed=str(self._path), offset=number, raw=raw, reason=reason, ts_received=at)


def _record(raw: bytes) -> Activation | Regimes:
    event = decode_event(raw)
    if not isinstance(event, Activation | Regimes) or event.instrument_id != CONTROL:
        raise DecodeError(f"$.type: an activation or regimes of {CONTROL} are asked for, not {type(event).__name__}")
    return event
