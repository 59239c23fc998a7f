from pathlib import Path

import pytest

from flows.doctor.access import check_access, examine_access
from flows.settings import ApiSettings, DatabaseSettings, Settings


@pytest.mark.parametrize(
    ("keys", "local", "open_to_all", "encrypted", "state", "said"),
    [
        (0, True, False, False, "ok", "reading takes no key until there is one"),
        (None, True, False, False, "ok", "only this machine"),
        (3, True, False, False, "ok", "only this machine"),
        (3, False, True, True, "warn", "all of them may read"),
        (None, False, False, True, "bad", "the database does not tell"),
        (0, False, False, True, "bad", "it will not start"),
        (3, False, False, False, "warn", "3 valid keys, which travel unencrypted"),
        (3, False, False, True, "ok", "3 valid keys, encrypted"),
    ],
)
def test_who_may_ask(keys: int | None, local: bool, open_to_all: bool, encrypted: bool, state: str, said: str) -> None:
    finding = check_access(keys, local, open_to_all, encrypted)
    assert (finding.state, said in finding.found) == (state, True)
    assert (finding.advice == "") == (state == "ok")


def test_a_database_that_is_away_is_no_key(tmp_path: Path) -> None:
    away = DatabaseSettings(dsn="postgresql://candlewick:hunter2@127.0.0.1:1/candlewick")
    (finding,) = examine_access(Settings(api=ApiSettings(host="192.0.2.1"), database=away))
    assert (finding.state, "hunter2" in str(finding)) == ("bad", False)
