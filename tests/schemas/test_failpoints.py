"""Failpoints: each is somewhere in the code, documented, and kills."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.failpoints import FAILPOINTS, parse

_ROOT = Path(__file__).resolve().parents[2]


def test_every_name_is_reached_somewhere_and_every_place_has_a_name() -> None:
    folders = ("operators", "sources", "sinks", "flows")
    text = "".join(file.read_text() for folder in folders for file in (_ROOT / folder).rglob("*.py"))
    assert sorted(re.findall(r'\breach\("([^"]+)"\)', text)) == sorted(FAILPOINTS)


def test_every_name_is_documented() -> None:
    text = (_ROOT / "docs/faults.md").read_text()
    for name, meaning in FAILPOINTS.items():
        assert f"| `{name}` | {meaning} |" in text


@pytest.mark.parametrize(
    ("text", "said"), [("a:3", "no failpoint 'a'"), ("log.snapshot:0", "'0' should be"), (":", "''")]
)
def test_what_cannot_be_armed_is_named(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


def test_the_process_dies_at_the_nth_time() -> None:
    program = """
from schemas.failpoints import arm, reach
reach("log.snapshot")
arm("log.snapshot:2")
for n in range(3):
    reach("log.read.before")
    reach("log.snapshot")
    print(n, flush=True)"""
    done = subprocess.run([sys.executable, "-c", program], cwd=_ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "0\n")
