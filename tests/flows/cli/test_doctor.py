import json

import pytest
import typer
from typer.testing import CliRunner

from flows.cli.doctor import doctor
from flows.doctor import Finding

app = typer.Typer()
app.command()(doctor)

OK, WARN = Finding("kafka", "ok", "cluster abc"), Finding("disk", "warn", "2 GiB [free]", "make room soon")
BAD = Finding("topics", "bad", "missing: market.events", "candlewick topics create")


@pytest.mark.parametrize(("findings", "status"), [([OK], 0), ([OK, WARN], 0), ([WARN, BAD], 1)])
def test_only_what_is_bad_fails(monkeypatch: pytest.MonkeyPatch, findings: list[Finding], status: int) -> None:
    monkeypatch.setattr("flows.cli.doctor.examine", lambda _: findings)
    table = CliRunner().invoke(app, [])
    assert table.exit_code == status
    for finding in findings:
        (line,) = [line for line in table.output.splitlines() if finding.check in line]
        assert [text for text in (finding.state, finding.found, finding.advice) if text not in line] == []
    as_json = CliRunner().invoke(app, ["--json"])
    assert as_json.exit_code == status
    assert json.loads(as_json.output) == [
        {"check": finding.check, "state": finding.state, "found": finding.found, "advice": finding.advice}
        for finding in findings
    ]
