"""What cannot be written into a log is said before anything is asked of a broker."""

from pathlib import Path

import pytest

from flows.backfill import history_feed
from flows.errors import FlowError
from flows.settings import Settings
from schemas.time import SECOND

ID = "sim:BTC/USDT"


def test_a_tape_is_no_history(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=r"backfill takes tables \(\.csv, .*\) only; `candlewick ingest --tape`"):
        history_feed(Settings(), [str(tmp_path / "day.gz")], instrument=ID, timeframe="1m")


def test_a_span_in_which_nothing_lies(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("ts_ms,open,high,low,close,volume\n1714521600000,1,3,0.5,2,7\n", encoding="utf-8")
    close = 1_714_521_660 * SECOND
    for span in ((close, close + SECOND), (0, close - SECOND)):
        with pytest.raises(FlowError, match=r"there is nothing to write in .*bars\.csv"):
            history_feed(Settings(), [str(path)], instrument=ID, timeframe="1m", span=span)
