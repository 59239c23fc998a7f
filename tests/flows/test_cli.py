"""The command: errors are one line, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def candlewick(*arguments: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A run of the command in ``folder``."""
    command = [sys.executable, "-m", "flows.cli.main", *arguments]
    root = str(Path(__file__).resolve().parents[2])
    return subprocess.run(
        command, cwd=folder, text=True, capture_output=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": root, **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["run"], {"CANDLEWICK_ENGINE__WORKERS": "none"}, "setting engine.workers = 'none'"),
        (["run"], {"CANDLEWICK_KAFKA__BOOTSTRAP": "127.0.0.1:1"}, "127.0.0.1:1"),
        (["replay", "nowhere.gz", "--venue", "binance", "--out", "out"], {}, "nowhere.gz"),
        (["ingest"], {}, "--simulate"),
        (["ingest", "--tape", "bars.csv", "--to", "x.jsonl"], {}, "bars.csv is a table: `candlewick backfill`"),
        (["ingest", "--simulate", "--seconds", "nan", "--to", "x.jsonl"], {}, "--seconds nan"),
        (["ingest", "--simulate", "--seconds", "1", "--to", "/nowhere/x.jsonl"], {}, "/nowhere/x.jsonl"),
        (["run"], {"CANDLEWICK_KAFKA__CLIENT": '{"nonsense": 1}'}, "nonsense"),
        (["ingest", "--simulate", "--faults", '{"gap": 3}'], {}, "--faults"),
        (["run"], {"CANDLEWICK_NOPE": "1"}, "setting nope: there is no such key"),
        (["verify-parity", "--since", "yesterday"], {}, "--since 'yesterday'"),
        (["verify-parity", "--since", "2025-01-02", "--until", "2025-01-01"], {}, "--until 2025-01-01: it has to be"),
        (["migrate", "--dsn", "host=/nowhere"], {}, "/nowhere"),
        (["inspect", "nowhere.gz", "--venue", "kraken"], {}, "nowhere.gz"),
        (
            ["replay", "x.csv", "--instrument", "binance:", "--out", "out"],
            {},
            "instrument 'binance:' is no venue:symbol",
        ),
        (
            ["replay", "--simulate", "1", "--metrics", "x.csv", "--out", "out"],
            {},
            "--metrics: only together with INPUT",
        ),
    ],
)
def test_a_user_s_mistake_is_one_line(
    arguments: list[str], environment: dict[str, str], words: str, tmp_path: Path
) -> None:
    """What is wrong and where, with exit status 2."""
    done = candlewick(*arguments, folder=tmp_path, **environment)
    assert done.returncode == (75 if "127.0.0.1:1" in words or words == "/nowhere" else 2), done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) <= 3
    assert all(line.startswith("candlewick: ") for line in lines)
    assert words in lines[-1]
    assert "Traceback" not in done.stderr


def test_a_replay_of_no_record_says_so(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text("ts_ms,open,high,low,close,volume\n")
    options = ["--instrument", "binanceusdm:BTC/USDT:USDT", "--timeframe", "1m", "--out", "out"]
    done = candlewick("replay", "bars.csv", *options, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "nothing was written to out: there is no record in the input\n")
