"""What README and docs show is run here: consumers of Kafka and of SQL see the same signals."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import psycopg
import pytest
from click import Group
from typer.main import get_command

from flows.cli.application import application
from tests.integration.golden import Golden
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline

pytestmark = pytest.mark.integration

_ROOT = Path(__file__).resolve().parents[2]


def test_external_consumer_and_sql_see_the_same_signals(
    recording: Path, golden: Golden, brokers: Callable[[], KafkaBroker], timescale_database: str, tmp_path: Path
) -> None:
    """A consumer of confluent-kafka alone, the README's snippet, and a psycopg query with the README's SQL."""
    pipeline = Pipeline(brokers(), tmp_path, partitions=4, dsn=timescale_database)
    pipeline.run("ingest", "--tape", str(recording))
    pipeline.run("run", "--until-end")
    pipeline.run("store", "--until-end")
    published = {identifier: json.loads(value) for identifier, value in golden["signals.published"].items()}
    assert published

    example = _ROOT / "docs/examples/consume_signals.py"
    out = _python(example.read_text(), tmp_path, {"KAFKA": pipeline.broker.bootstrap})
    consumed = [line.split()[0] for line in out.splitlines()]
    assert sorted(consumed) == sorted(published)

    with psycopg.connect(timescale_database) as connection:
        stored = [str(row[0]) for row in connection.execute("SELECT id FROM signals ORDER BY id").fetchall()]
        shown = [row for query in _blocks("sql") for row in connection.execute(query.encode()).fetchall()]
    assert stored == sorted(published)
    assert {row[5] for row in shown} <= {signal["explanation"] for signal in published.values()}
    assert len(shown) == min(10, len(published))

    (snippet,) = _blocks("python")
    first = json.loads(_python(snippet.replace("127.0.0.1:9092", pipeline.broker.bootstrap), tmp_path, {}))
    assert first["id"] in published


def test_every_command_of_the_readme_exists() -> None:
    """Each subcommand and option that the README names is one that the command knows."""
    text = (_ROOT / "README.md").read_text()
    shown = {match.groups() for match in re.finditer(r"candlewick ([a-z-]+)([^\n`#&]*)", "\n".join(_blocks("sh")))}
    assert shown
    commands = cast("Group", get_command(application())).commands
    for subcommand, rest in shown:
        known = {option for parameter in commands[subcommand].params for option in parameter.opts}
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in known, f"{subcommand} {option}"
    for link in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (_ROOT / link).exists(), link


def _blocks(language: str) -> list[str]:
    text = (_ROOT / "README.md").read_text()
    return [match.group(1) for match in re.finditer(rf"```{language}\n(.*?)```", text, re.DOTALL)]


def _python(program: str, folder: Path, environment: dict[str, str]) -> str:
    script = folder / "program.py"
    script.write_text(program)
    command = [sys.executable, "-W", "ignore", str(script)]
    done = subprocess.run(command, text=True, capture_output=True, timeout=60, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout
