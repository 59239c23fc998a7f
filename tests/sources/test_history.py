"""Tables of history: real ones, Parquet, and rows that cannot be."""

import csv
import gzip
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from schemas.market import ExchangeBar, FundingRate, Liquidation, LongShortRatio, OpenInterest
from schemas.time import HOUR, MILLISECOND, MINUTE, SECOND
from sources.errors import SourceError
from sources.history import History, nanoseconds
from sources.malformed import Malformed
from tests.data import DATA, needs_data

ID = "binanceusdm:BTC/USDT:USDT"
FOLDER = DATA / "bars_nolicense" / "binance_um_5m_2023-01_2024-05"
HEAD = "ts_ms,open,high,low,close,volume\n"


def table(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@needs_data
def funded(*hours: int) -> str:
    """A table of rates so many hours after its begin."""
    return "ts_ms,funding_rate\n" + "".join(f"{1_714_521_600_000 + 3_600_000 * at},1e-4\n" for at in hours)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ts_ms,side,price,size_usd\n1714521600000,buy,0,5\n", "price 0 is not above 0"),
        (
            "ts_ms,funding_rate,funding_interval_hours\n1714521600000,1e-4,nan\n",
            "funding_interval_hours nan is not above 0",
        ),
        (
            "ts_ms,funding_rate,funding_interval_hours\n1714521600000,1e-4,99999\n",
            "99999 is not above 0 and at most 720",
        ),
    ],
)
def test_an_impossible_cell_is_named(tmp_path: Path, text: str, reason: str) -> None:
    (found,) = History(table(tmp_path / "told.csv", text), ID, None)
    assert isinstance(found, Malformed)
    assert reason in found.reason


def test_real_bars_as_they_stand_in_the_file() -> None:
    path = FOLDER / "LTCUSDT_5m.csv.gz"
    history = History(path, ID, "5m")
    records = list(history)
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file))
    assert history.read == history.size
    assert len(records) == len(rows)
    for record, row in zip(records, rows, strict=True):
        assert isinstance(record, ExchangeBar)
        assert (record.ts_open, record.ts_event) == (int(row["ts_ms"]) * MILLISECOND, record.ts_open + 5 * MINUTE)
        assert record.ts_received == record.ts_event
        prices = (record.open, record.high, record.low, record.close, record.volume)
        assert prices == tuple(float(row[name]) for name in ("open", "high", "low", "close", "volume"))


@needs_data
def test_real_funding_and_open_interest() -> None:
    funding = list(History(FOLDER / "BTCUSDT_funding.csv.gz", ID, None))
    assert isinstance(funding[0], FundingRate)
    assert (funding[0].rate, funding[0].ts_event) == (0.0001, 1_672_531_200_000 * MILLISECOND)
    assert all(isinstance(record, FundingRate) for record in funding)
    interest = list(History(FOLDER / "BTCUSDT_open_interest_5m_2023-07_2023-10.csv.gz", ID, None))
    assert isinstance(interest[0], OpenInterest)
    assert (interest[0].open_interest, interest[0].notional) == (112084.682, 3265250956.024)


@needs_data
@pytest.mark.parametrize("instrument", ["binance:ETH/USDT:USDT", "hyperliquid:BTC/USDC:USDC"])
def test_of_a_table_of_several_only_the_instrument_s_own_rows_are_taken(instrument: str) -> None:
    path = DATA / "bars/perp_1h_2025-03_2025-10/candles_1h.csv.gz"
    venue, symbol = instrument.split(":")[:2]
    with gzip.open(path, "rt") as file:
        rows = [row for row in csv.DictReader(file) if (row["venue"], row["coin"]) == (venue, symbol.split("/")[0])]
    records = list(History(path, instrument, "1h"))
    assert len(records) == len(rows) > 900
    found = [(record.ts_open, record.close) for record in records if isinstance(record, ExchangeBar)]
    assert found == [(int(row["ts_ms"]) * MILLISECOND, float(row["close"])) for row in rows]


@needs_data
def test_open_interest_of_which_only_the_value_is_told_says_so() -> None:
    path = DATA / "bars/perp_1h_2025-03_2025-10/open_interest_1h.csv.gz"
    first, *_ = History(path, "hyperliquid:BTC/USDC:USDC", None)
    assert isinstance(first, OpenInterest)
    assert (first.open_interest, first.notional, first.in_quote) == (898745447.7910928, 898745447.7910928, True)


METRICS_HEAD = (
    "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
    "sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio\n"
)


def test_open_interest_and_ratios_of_one_row(tmp_path: Path) -> None:
    rows = ("00:05:00,BTCUSDT,81234.5,3500000000,1.65,1.31,1.82,0.97", "00:10:00,BTCUSDT,81235.5,3500000001,,,,")
    path = table(tmp_path / "metrics.csv", METRICS_HEAD + "".join(f"2024-05-01 {row}\n" for row in rows))
    interest, ratio, later = History(path, ID, None)
    at = 1_714_521_900 * SECOND
    assert interest == OpenInterest(
        instrument_id=ID, ts_event=at, ts_received=at, open_interest=81234.5, notional=3500000000.0
    )
    assert ratio == LongShortRatio(
        instrument_id=ID, ts_event=at, ts_received=at, accounts=1.82, top_accounts=1.65, top_positions=1.31,
        taker_volume=0.97,
    )  # fmt: skip
    assert isinstance(later, OpenInterest)
    assert later.ts_event == at + 5 * MINUTE


def test_ratios_as_ccxt_tells_them_and_a_row_without_any(tmp_path: Path) -> None:
    text = "timestamp,timeframe,longShortRatio\n1714521900000,5m,1.82\n1714522200000,5m,\n1714522500000,5m,-1\n"
    ratio, empty, negative = History(table(tmp_path / "ratios.csv", text), ID, None)
    assert isinstance(ratio, LongShortRatio)
    assert (ratio.accounts, ratio.top_accounts) == (1.82, None)
    assert isinstance(empty, Malformed)
    assert isinstance(negative, Malformed)
    assert "none of accounts" in empty.reason
    assert re.search(r">= 0.*\$\.accounts", negative.reason)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("calc_time,funding_interval_hours,last_funding_rate\n1714521600000,4,1e-4\n", [4]),
        ("calc_time,funding_interval_hours,last_funding_rate\n1714521600000,8.0,1e-4\n", [8]),
        ("ts_ms,funding_rate\n1714521600000,1e-4\n1714550400008,1e-4\n1714636800000,1e-4\n", [None, 8, None]),
        (funded(0, 4, 8, 16, 20, 28, 36), [None, 4, 4, 4, 4, 4, 8]),  # a row is missing, then the venue changes
    ],
)
def test_the_interval_of_a_funding_rate_is_that_of_its_row_or_the_one_since_the_row_before(
    tmp_path: Path, text: str, hours: list[int | None]
) -> None:
    records = [one for one in History(table(tmp_path / "funding.csv", text), ID, None) if isinstance(one, FundingRate)]
    assert [one.interval for one in records] == [hour and hour * HOUR for hour in hours]


def test_liquidations_by_size_or_by_value(tmp_path: Path) -> None:
    path = table(
        tmp_path / "l.csv", "ts_ms,side,size_usd,price\n1748183818596,S,100.0,50.0\n1748183818597,buy,10.0,5.0\n"
    )
    first, second = History(path, ID, None)
    assert isinstance(first, Liquidation)
    assert isinstance(second, Liquidation)
    assert (first.side, first.size, second.side, second.size) == ("sell", 2.0, "buy", 2.0)


def test_parquet_with_a_column_of_times(tmp_path: Path) -> None:
    at = [datetime(2024, 5, 1, 0, minute, tzinfo=UTC) for minute in (0, 1)]
    columns = {"open": [1.0, 2.0], "high": [3.0, 3.0], "low": [0.5, 1.0], "close": [2.0, 1.5], "volume": [7.0, 0.0]}
    parquet.write_table(pa.table({"time": at, **columns, "taker_buy_volume": [4.0, 0.0]}), tmp_path / "bars.parquet")
    history = History(tmp_path / "bars.parquet", ID, "1m")
    first, second = history
    assert isinstance(first, ExchangeBar)
    assert (first.ts_open, first.buy_volume, first.volume) == (1_714_521_600 * 10**9, 4.0, 7.0)
    assert isinstance(second, ExchangeBar)
    assert second.ts_open == first.ts_open + MINUTE
    assert history.read == history.size


@pytest.mark.parametrize("cell", ["2024-05-01T02:00:00+02:00", "2024-05-01 00:00:00", datetime(2024, 5, 1)])  # noqa: DTZ001 - no zone
def test_times_as_text_are_utc_unless_they_say_otherwise(cell: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert nanoseconds(cell) == 1_714_521_600 * SECOND
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_times_in_any_unit(tmp_path: Path, unit: int) -> None:
    path = table(tmp_path / "bars.csv", f"{HEAD}{1_714_521_600 * unit},1,3,0.5,2,7\n")
    (bar,) = History(path, ID, "1m")
    assert isinstance(bar, ExchangeBar)
    assert bar.ts_open == 1_714_521_600 * 10**9


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1714521660000,1,0.5,0.4,2,7", "do not enclose"),
        ("1714521660000,1,3,0.5,2,-7", r">= 0.*\$\.volume"),
        ("1714521660000,nan,3,0.5,2,7", "open"),
        ("1714521660000,1,3,0.5,x,7", "close"),
        ("soon,1,3,0.5,2,7", "soon"),
        ("1714521660000,1,3", "3 cells, the header has 6"),
        ("1714521660000,1,3,0.5,2,1,234.5", "7 cells, the header has 6"),
        ("1714521600000,1,3,0.5,2.5,7", "ts_ms 1714521600000 is that of the row before"),
        ("1714435200000,1,3,0.5,2,7", "goes back"),
    ],
)
def test_a_row_that_cannot_be_is_told_with_its_place_and_the_others_are_kept(
    tmp_path: Path, row: str, reason: str
) -> None:
    path = table(tmp_path / "bars.csv", f"{HEAD}1714521600000,1,3,0.5,2,7\n{row}\n1714521720000,1,3,0.5,2,7\n")
    good, bad, after = History(path, ID, "1m")
    assert isinstance(good, ExchangeBar)
    assert isinstance(after, ExchangeBar)
    assert isinstance(bad, Malformed)
    assert (bad.place, bad.raw) == (f"{path}:3", row.encode())
    assert re.search(reason, bad.reason), bad.reason


def test_a_file_cut_short_is_told_at_its_end(tmp_path: Path) -> None:
    packed = gzip.compress((HEAD + "1714521600000,1,3,0.5,2,7\n" * 3).encode())
    path = tmp_path / "bars.csv.gz"
    path.write_bytes(packed[:-9])
    *_, last = History(path, ID, "1m")
    assert isinstance(last, Malformed)
    assert "packed data cut short" in last.reason


def test_a_parquet_file_that_is_damaged_inside_is_told_where_it_ends(tmp_path: Path) -> None:
    path, rows = tmp_path / "bars.parquet", 2_000
    columns = {name: [float(row % 7 + 1) for row in range(rows)] for name in ("open", "high", "low", "close", "volume")}
    times = [1_714_521_600_000 + row * 60_000 for row in range(rows)]
    parquet.write_table(pa.table({"ts_ms": times, **columns}), path)
    data = bytearray(path.read_bytes())
    at = parquet.ParquetFile(path).metadata.row_group(0).column(0).data_page_offset
    data[at : at + 500] = bytes(500)
    path.write_bytes(data)
    *_, last = History(path, ID, "1m")
    assert isinstance(last, Malformed)
    assert last.reason.startswith("the file can be read no further")


def test_a_time_in_a_parquet_file_that_is_no_whole_number_is_not_rounded(tmp_path: Path) -> None:
    columns = {name: [1.0] for name in ("open", "high", "low", "close", "volume")}
    parquet.write_table(pa.table({"time": [1_714_521_600.25], **columns}), tmp_path / "bars.parquet")
    (bad,) = History(tmp_path / "bars.parquet", ID, "1m")
    assert isinstance(bad, Malformed)
    assert bad.reason == "time '1714521600.25' is no time: it is no whole number"


def test_a_byte_order_mark_and_ends_of_lines_of_elsewhere_change_nothing(tmp_path: Path) -> None:
    text = f"{HEAD}1714521600000,1,3,0.5,2,7\n"
    plain = list(History(table(tmp_path / "plain.csv", text), ID, "1m"))
    marked = tmp_path / "marked.csv"
    marked.write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    assert list(History(marked, ID, "1m")) == plain


def test_bars_of_another_timeframe_are_refused(tmp_path: Path) -> None:
    rows = "".join(f"{1_714_521_600_000 + number * 300_000},1,3,0.5,2,7\n" for number in range(10))
    path = table(tmp_path / "bars.csv", HEAD + rows)
    for timeframe in ("1m", "15m"):
        with pytest.raises(SourceError, match=rf"rows 300 s apart: no bars of --timeframe {timeframe}"):
            History(path, ID, timeframe)
    assert len(list(History(path, ID, "5m"))) == 10


def test_a_table_of_others_alone_is_refused(tmp_path: Path) -> None:
    text = "ts_ms,venue,coin,funding_rate\n1714521600000,binance,BTC,0.0001\n"
    path = table(tmp_path / "funding.csv", text)
    assert len(list(History(path, "binance:BTC/USDT:USDT", None))) == 1
    with pytest.raises(SourceError, match="no row of venue binanceusdm and coin btc, which is what binanceusdm:BTC/"):
        History(path, ID, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD, "say of which --timeframe"),
        ("ts_ms,open,high,low,close\n", "has the columns ts_ms, open, high, low, close"),
        ("open,high,low,close,volume\n", "no column for a time"),
        ("ts_ms,open,high,low,close,volume,close\n", "two columns close"),
    ],
)
def test_a_table_of_no_known_kind_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        History(table(tmp_path / "bars.csv", text), ID, None)


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"history .*bars.parquet"):
        History(table(tmp_path / "bars.parquet", "no"), ID, "1m")
