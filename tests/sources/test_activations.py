"""Files of activations: the log's own records, in any order, and lines that are none."""

from pathlib import Path

import pytest

from schemas.codec import encode
from schemas.market import CONTROL, Activation, Heartbeat
from schemas.time import DAY, HOUR
from sources.activations import Activations
from sources.errors import SourceError
from sources.malformed import Malformed

START = 19_700 * DAY


def activation(ts: int, instrument_id: str = CONTROL) -> Activation:
    return Activation(
        instrument_id=instrument_id, ts_event=ts, ts_received=ts, model="m", version="1", effective_close=ts + HOUR
    )


def test_records_come_by_their_receipt_after_what_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    beat = Heartbeat(instrument_id=CONTROL, ts_event=START, ts_received=START, source="s")
    lines = [encode(activation(START + HOUR)), b"", b"{", encode(activation(START)), encode(beat)]
    path.write_bytes(b"\n".join([*lines, encode(activation(START, "x:a"))]))
    *refused, first, second = Activations(path)
    assert [first, second] == [activation(START), activation(START + HOUR)]
    assert [one.ts_received for one in refused] == [START + HOUR, START, START]  # of the record before
    assert [(one.offset, one.reason) for one in refused if isinstance(one, Malformed)] == [
        (3, "Input data was truncated"),
        (5, f"$.type: an activation or regimes of {CONTROL} are asked for, not Heartbeat"),
        (6, f"$.type: an activation or regimes of {CONTROL} are asked for, not Activation"),
    ]


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        Activations(tmp_path / "nowhere.jsonl")
