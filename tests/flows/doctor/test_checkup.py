from pathlib import Path
from typing import Any

import pytest

from flows.doctor import examine
from flows.settings import ApiSettings, DatabaseSettings, EngineSettings, KafkaSettings, Settings


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a machine on which nothing runs and nothing fits."""
    monkeypatch.setattr("flows.doctor.kafka._PATIENCE_S", 0.3)
    (tmp_path / "recovery").touch()
    return Settings(
        kafka=KafkaSettings(bootstrap="127.0.0.1:1", client={"sasl.password": "hunter2"}),
        database=DatabaseSettings(dsn="postgresql://candlewick:hunter2@127.0.0.1:1/candlewick"),
        engine=EngineSettings(recovery_dir=tmp_path / "recovery"),
        api=ApiSettings(host="192.0.2.1"),
    )


def test_where_nothing_runs_all_is_bad_and_each_line_says_what_to_do(nothing: Settings) -> None:
    findings = examine(nothing)
    assert [finding.check for finding in findings] == [
        "kafka", "topics", "clock of the log", "database", "timescaledb", "migrations", "clock of the database", "disk",
        "event path", "recovery directory", "port of the API", "models", "access to the API",
    ]  # fmt: skip
    assert {finding.check for finding in findings if finding.state == "bad"} >= {
        finding.check for finding in findings if finding.check not in {"disk", "event path", "models"}
    }
    assert all(finding.advice for finding in findings if finding.state == "bad")


def test_a_check_that_fails_itself_stops_no_other(nothing: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("with\nhunter2 in it")

    monkeypatch.setattr("flows.doctor.checkup.examine_database", broken)
    monkeypatch.setattr("flows.doctor.checkup.check_port", broken)
    findings = {finding.check: finding for finding in examine(nothing)}
    assert findings.keys() >= {"kafka", "disk", "recovery directory"}
    for name in ("database", "port of the API"):
        assert findings[name].found == "the check itself failed: ZeroDivisionError: with *** in it"
