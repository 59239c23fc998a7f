"""Options that do not go together, and values that cannot be, are named before anything begins."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from flows.cli.ingest import ingest
from schemas.errors import CandlewickError

app = typer.Typer()
app.command()(ingest)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--simulate", "--faults", '{"gpa": {}}'], "unknown field `gpa`"),
        (["--simulate", "--faults", '{"gap": {"per_our": 1}}'], "unknown field `per_our` - at `$.gap`"),
        (["--simulate", "--start", "0"], "at `$.start`"),
        (["--tape", "x", "--seconds", "3", "--seed", "1"], "--seed, --seconds: only together with --simulate"),
        (["--topics", "trades=t", "--faults", "{}"], "--faults: only together with --simulate"),
        (["--simulate", "--until-end"], "--until-end: only together with --topics"),
        (["--simulate", "--venue", "okx"], "--venue: only together with --tape"),
        (["--simulate", "--tape", "x"], "needs one of"),
    ],
)
def test_a_mistake_is_named(arguments: list[str], words: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [*arguments, "--to", str(tmp_path / "market.jsonl")])
    assert isinstance(result.exception, CandlewickError)
    assert words in str(result.exception)
    assert list(tmp_path.iterdir()) == []
