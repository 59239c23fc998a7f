import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from flows.cli.features import features
from flows.errors import FlowError
from operators.desk.context import CONTEXT, CONTEXT_HASH
from operators.feature import Feature
from operators.features import CATALOGUE, SCHEMA_HASH

app = typer.Typer()
app.command()(features)


def test_the_catalogue_for_people() -> None:
    lines = CliRunner().invoke(app, []).output.splitlines()
    for feature in (*CATALOGUE, *CONTEXT):
        (line,) = [line for line in lines if line.split()[1:2] == [feature.name]]
        assert [
            text
            for text in (feature.unit, feature.summary[:15], str(feature.ready), str(feature.memory))
            if text not in line
        ] == []
    assert SCHEMA_HASH in lines[-1]


def test_the_catalogue_for_programs() -> None:
    catalogue = json.loads(CliRunner().invoke(app, ["--json"]).output)
    assert catalogue["schema_hash"] == SCHEMA_HASH
    assert [feature["name"] for feature in catalogue["features"]] == [feature.name for feature in CATALOGUE]
    assert catalogue["context_hash"] == CONTEXT_HASH
    assert [feature["name"] for feature in catalogue["context"]] == [feature.name for feature in CONTEXT]
    assert catalogue["features"][0].keys() == set(Feature.__struct_fields__)


@pytest.mark.parametrize(
    "options", [("--json", "--markdown"), ("--markdown", "--plots", "x"), ("--json", "--plots", "x")]
)
def test_two_kinds_of_output_at_once_are_refused(options: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, options)
    assert isinstance(done.exception, FlowError)
    assert "give one of them" in str(done.exception)
    assert done.output == ""


def test_plots_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = CliRunner().invoke(app, ["--plots", str(tmp_path / "file")])
    assert str(done.exception) == f"--plots {tmp_path / 'file'}: File exists; name a directory that can be written"
