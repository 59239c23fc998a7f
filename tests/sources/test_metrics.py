"""Files of external metrics and of the macro calendar, and rows that cannot be."""

import gzip
import re
from pathlib import Path

import pytest

from schemas.market import CONTROL, ExternalMetric, MacroEvent
from schemas.time import DAY, HOUR, SECOND
from sources.errors import SourceError
from sources.malformed import Malformed
from sources.metrics import Metrics

MAY = 1_714_521_600 * SECOND  # 2024-05-01


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def metric(published: int, name: str, value: float, received: int | None = None, asset: str | None = None) -> object:
    known = MAY + (published if received is None else received)
    return ExternalMetric(
        instrument_id=CONTROL, ts_event=MAY + published, ts_received=known, value=value, asset=asset,
        metric=name,  # type: ignore[arg-type]  # a text that is one of them
    )  # fmt: skip


def test_an_index_as_it_is_offered_newest_first(tmp_path: Path) -> None:
    text = "date,value,classification\n2024-05-02,67,Greed\n2024-05-01,54,Neutral\n"
    metrics = Metrics(written(tmp_path / "fng.csv", text), "fear_greed")
    assert list(metrics) == [metric(0, "fear_greed", 54.0), metric(DAY, "fear_greed", 67.0)]
    assert metrics.read == metrics.size > 0


def test_several_metrics_and_assets_each_with_its_receipt(tmp_path: Path) -> None:
    path = tmp_path / "m.csv.gz"
    with gzip.open(path, "wt") as file:
        file.write("Time,metric,asset,value,received\n1714521600,exchange_netflow,BTC,-1.5e6,1714525200\n")
        file.write('1714521600000,news_sentiment,,-0.25,\n"2024-05-01T02:00:00+02:00",social_volume,SOL,12,\n')
    assert list(Metrics(path)) == [
        metric(0, "news_sentiment", -0.25), metric(0, "social_volume", 12.0, asset="SOL"),
        metric(0, "exchange_netflow", -1.5e6, received=HOUR, asset="BTC"),
    ]  # fmt: skip


def test_lines_of_json_and_the_calendar_in_them(tmp_path: Path) -> None:
    text = """
        {"published": "2024-05-01", "name": "FOMC 2024-06", "scheduled": "2024-06-12T18:00:00Z"}
        {"ts_event": 1714521600000000000, "metric": "stablecoin_dominance", "value": 0.07}
        {"ts": 1714521601, "name": "FOMC 2024-06", "scheduled": 1718301600, "cancelled": true}"""
    found = list(Metrics(written(tmp_path / "m.jsonl", text)))
    assert found == [
        MacroEvent(instrument_id=CONTROL, ts_event=MAY, ts_received=MAY, name="FOMC 2024-06",
                   ts_scheduled=1_718_215_200 * SECOND),
        metric(0, "stablecoin_dominance", 0.07),
        MacroEvent(instrument_id=CONTROL, ts_event=MAY + SECOND, ts_received=MAY + SECOND, name="FOMC 2024-06",
                   ts_scheduled=1_718_301_600 * SECOND, cancelled=True),
    ]  # fmt: skip


def test_an_asset_for_a_whole_file(tmp_path: Path) -> None:
    path = written(tmp_path / "m.csv", "ts,value\n1714521600,3\n")
    assert list(Metrics(path, "exchange_netflow", "ETH")) == [metric(0, "exchange_netflow", 3.0, asset="ETH")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2024-05-01,fear_greed,101", "value 101.0: fear_greed goes from 0.0 to 100.0"),
        ("2024-05-01,fear_greed,nan", "$.value"),
        ("2024-05-01,fear_greed,inf", "$.value"),
        ("2024-05-01,fear_greed,high", "$.value"),
        ("2024-05-01,greed,5", "$.metric"),
        ("2024-05-01,fear_greed,", "value is missing"),
        (",fear_greed,5", "published is missing"),
        ("yesterday,fear_greed,5", "yesterday"),
        ("2024-05-01,fear_greed", "2 cells, the header has 3"),
        ("-5,fear_greed,5", "$.ts_event"),
    ],
)
def test_a_row_that_cannot_be_is_told_with_its_line(tmp_path: Path, row: str, reason: str) -> None:
    path = written(tmp_path / "m.csv", f"date,metric,value\n{row}\n2024-05-02,fear_greed,5\n")
    bad, good = Metrics(path)
    assert isinstance(bad, Malformed)
    assert bad.place == f"{path}:2"
    assert reason in bad.reason
    assert bad.raw == row.encode()
    assert good == metric(DAY, "fear_greed", 5.0)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"ts": 1714521600.5, "metric": "fear_greed", "value": 1}', "a time is a whole number or ISO 8601"),
        ('{"ts": true, "metric": "fear_greed", "value": 1}', "a time is a whole number or ISO 8601"),
        ('{"ts": [], "metric": "fear_greed", "value": 1}', "int()"),
        ('{"ts": 1714521600, "metric": "fear_greed", "value": null}', "$.value"),
        ('{"ts": 1714521600, "scheduled": 1714521600}', "name is missing"),
        ("[1]", "Expected `object`"),
        ("nonsense", "JSON is malformed"),
        ('{"ts": 99999999999999999999, "metric": "fear_greed", "value": 1}', ""),
    ],
)
def test_a_line_that_cannot_be(tmp_path: Path, line: str, reason: str) -> None:
    (bad,) = Metrics(written(tmp_path / "m.jsonl", line))
    assert isinstance(bad, Malformed)
    assert reason in bad.reason


def test_what_is_cut_short_is_told(tmp_path: Path) -> None:
    path = tmp_path / "m.csv.gz"
    path.write_bytes(gzip.compress(b"date,metric,value\n" + b"2024-05-01,fear_greed,5\n" * 2_000)[:-9])
    bad, *good = Metrics(path)
    assert isinstance(bad, Malformed)
    assert "cut short" in bad.reason
    assert bad.ts_received == good[-1].ts_received


@pytest.mark.parametrize(
    ("text", "metric", "reason"),
    [
        ("date,value\n", None, "has the columns date, value: it needs ts_event or .* and value with metric"),
        ("value,metric\n", None, "has the columns value, metric: it needs"),
        ("date,close\n", "fear_greed", "has the columns date, close"),
        ("date,value\n", "greed", "greed=.*: there is no such metric, only fear_greed, stablecoin_dominance"),
        ("", "fear_greed", "the file is empty"),
        ("date,value,Value\n", "fear_greed", "two columns value"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str, metric: str | None, reason: str) -> None:
    path = written(tmp_path / "m.csv", text)
    with pytest.raises(SourceError, match=reason) as caught:
        Metrics(path, metric)
    assert re.search(re.escape(str(path)), str(caught.value))
    assert "\n" not in str(caught.value)
