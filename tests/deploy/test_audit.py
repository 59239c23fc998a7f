"""What is made of the answers of PyPI and npm; they themselves are asked in `make lint`."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from deploy import audit
from deploy.audit import Allowance, NotAskedError, Vulnerability, judge, main, of_npm, of_pip, read_allowances
from schemas.errors import CandlewickError

TODAY = date(2026, 11, 21)
FOUND = Vulnerability(package="jinja2", id="PYSEC-2019-217", aliases=("CVE-2019-10906",), remedy="mended in 2.10.1")
PIP: dict[str, Any] = {
    "dependencies": [
        {"name": "msgspec", "version": "0.20.0", "vulns": []},
        {
            "name": "jinja2", "version": "2.10",
            "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"], "aliases": ["CVE-2019-10906"]}],
        },
        {"name": "candlewick", "skip_reason": "not found on PyPI"},
    ],
    "fixes": [],
}  # fmt: skip
NPM = {
    "auditReportVersion": 2,
    "vulnerabilities": {
        "ws": {"name": "ws", "via": [{"url": "https://github.com/advisories/GHSA-3h5v", "title": "DoS by headers"}]},
        "user-of-ws": {"name": "user-of-ws", "via": ["ws"]},
    },
}


def allowance(until: date, identifier: str = "CVE-2019-10906") -> Allowance:
    return Allowance(package="jinja2", id=identifier, reason="no sandbox is used", until=until)


def test_what_is_found_is_told_with_its_remedy() -> None:
    assert of_pip(json.dumps(PIP)) == [FOUND]
    assert judge([FOUND], [], TODAY) == ["jinja2: PYSEC-2019-217, mended in 2.10.1"]
    assert of_npm(json.dumps(NPM)) == [Vulnerability(package="ws", id="GHSA-3h5v", remedy="DoS by headers")]
    assert of_npm('{"vulnerabilities": {}}') == []


def test_what_is_allowed_is_allowed_for_a_time() -> None:
    assert judge([FOUND], [allowance(TODAY)], TODAY) == []
    assert judge([FOUND], [allowance(date(2026, 11, 20))], TODAY) == [
        "jinja2: PYSEC-2019-217 was allowed until 2026-11-20, as no sandbox is used; look again"
    ]
    other = allowance(TODAY, "CVE-1999-1")
    gone = "audit-allowed.toml: jinja2 CVE-1999-1 is not found any more; take it out"
    assert judge([], [other], TODAY) == [gone]
    assert judge([], [other], TODAY, complete=False) == []


@pytest.mark.parametrize(
    ("read", "output", "said"),
    [
        (of_pip, "ConnectionError: pypi.org\nMax retries exceeded", "pypi.org: Max retries exceeded"),
        (of_pip, "", "pypi.org: no answer"),
        (
            of_pip,
            json.dumps({"dependencies": PIP["dependencies"][2:]}),
            "pypi.org says nothing of any of the 1 packages",
        ),
        (of_npm, '{"message": "405 Method Not Allowed"}', "registry.npmjs.org: 405 Method Not Allowed"),
        (of_npm, "npm error", "registry.npmjs.org: npm error"),
    ],
)
def test_who_does_not_answer_is_named(read: Any, output: str, said: str) -> None:
    with pytest.raises(NotAskedError, match=f"^{said}$"):
        read(output)


def test_silence_fails_nothing_and_a_finding_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {"pypi.org": json.dumps(PIP), "registry.npmjs.org": '{"message": "away"}'}
    monkeypatch.setattr(audit, "_run", lambda _, service: answers[service])
    assert main() == 1
    assert capsys.readouterr().err.splitlines() == [
        "dependency audit: not made, registry.npmjs.org: away",
        "dependency audit: jinja2: PYSEC-2019-217, mended in 2.10.1",
    ]
    answers["pypi.org"] = "away"
    assert main() == 0


def test_the_list_is_as_it_has_to_be(tmp_path: Path) -> None:
    assert read_allowances() == []
    (tmp_path / "x.toml").write_text('[[allowed]]\npackage = "jinja2"\nid = "CVE-1"\nuntil = 2026-12-31\n')
    with pytest.raises(CandlewickError, match=r"x.toml: Object missing required field `reason` - at `\$\[0\]`"):
        read_allowances(tmp_path / "x.toml")
