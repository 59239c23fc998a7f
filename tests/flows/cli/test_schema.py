from pathlib import Path

import typer
from typer.testing import CliRunner

from flows.cli.schema import schema
from schemas.topics import TOPICS

app = typer.Typer()
app.command()(schema)


def test_it_says_what_it_wrote(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--out", str(tmp_path)])
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        *(f"wrote {tmp_path / topic.name}.schema.json" for topic in TOPICS),
        f"wrote {tmp_path / 'asyncapi.json'}",
    ]


def test_a_directory_must_be_named() -> None:
    assert CliRunner().invoke(app, []).exit_code == 2
