"""`candlewick inspect` as people call it."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from flows.cli.inspect import inspect
from flows.errors import FlowError
from sources.tapes.errors import TapeError

STAMP = 1_720_000_000_000_000_000
MESSAGE = (
    '{"stream":"btcusdt@trade","data":{"s":"BTCUSDT","t":7,"p":"1.5","q":"2","T":1720000000000,"m":true,"X":"MARKET"}}'
)

app = typer.Typer()
app.command()(inspect)


def tape(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "tape"
    path.write_text("\n".join(lines))
    return str(path)


def test_json_is_everything_on_one_line(tmp_path: Path) -> None:
    path = tape(tmp_path, f"{STAMP} {MESSAGE}")
    result = CliRunner().invoke(app, [path, "--venue", "binanceusdm", "--json"])
    assert result.exit_code == 0
    assert result.stderr == ""
    (found,) = json.loads(result.stdout)["instruments"].values()
    assert found == {
        "events": {"trade": 1},
        "gaps": 0,
        "book": None,
        "bars_1m": [
            {
                "open_ms": 1719999960000, "open": 1.5, "high": 1.5, "low": 1.5, "close": 1.5, "volume": 2.0,
                "notional": 3.0, "trades": 1,
            }
        ],
        "not_market_trades": [],
        "funding_settlements": [],
        "checksums": {"right": 0, "wrong": 0},
    }  # fmt: skip


def test_people_get_a_table_and_are_told_of_what_could_not_be_read(tmp_path: Path) -> None:
    path = tape(tmp_path, f"{STAMP} {MESSAGE}", "nonsense")
    result = CliRunner().invoke(app, [path, "--venue", "binanceusdm"])
    assert result.exit_code == 0
    for expected in ("binanceusdm:BTC/USDT:USDT", "1 trade", "no book snapshot", "2024-07-03T09:46:00Z"):
        assert expected in result.stdout
    assert f"could not be read: 1 of its lines, the first at {path}:2: " in result.stderr


@pytest.mark.parametrize(
    ("line", "venue", "said"),
    [
        (f"{STAMP} {MESSAGE}", "kraken", "{path}: no record of venue kraken in it"),
        ("nonsense", "okx", "{path}: no record of venue okx in it; could not be read: 1 of its lines"),
    ],
    ids=["another venue's", "nothing that can be read"],
)  # fmt: skip
def test_a_tape_without_a_record_is_an_error(tmp_path: Path, line: str, venue: str, said: str) -> None:
    path = tape(tmp_path, line)
    result = CliRunner().invoke(app, [path, "--venue", venue, "--json"])
    assert isinstance(result.exception, FlowError)
    assert str(result.exception).startswith(said.format(path=path))
    assert result.stdout == ""


def test_what_cannot_be_opened_is_a_users_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path / "none"), "--venue", "okx"])
    assert isinstance(result.exception, TapeError)
