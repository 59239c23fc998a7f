"""`candlewick up` where it cannot begin, or has nothing to go on with."""

import socket
from pathlib import Path

import pytest

from tests.flows.test_cli import candlewick


def test_who_refuses_is_named_with_its_reason_and_nothing_goes_on(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    (tmp_path / "file").touch()
    ours = {"CANDLEWICK_SUPERVISOR__PORT": port, "CANDLEWICK_ENGINE__RECOVERY_DIR": str(tmp_path / "file" / "recovery")}
    done = candlewick("up", "engine", folder=tmp_path, **ours)
    assert done.returncode == 2
    reason = f"engine.recovery_dir {tmp_path}/file/recovery: Not a directory"
    assert [line.partition(";")[0] for line in done.stderr.splitlines()] == [
        f"engine: candlewick: {reason}",
        f"candlewick: engine ended with status 2: {reason}",
    ]


@pytest.mark.parametrize(
    ("arguments", "name", "words"),
    [
        (["up", "kitchen"], "STALL_S", "kitchen"),
        (["up"], "STALL_S", "setting supervisor.stall_s = 'soon'"),
        (["up"], "DIR", "supervisor.dir soon: "),
    ],
)
def test_a_mistake_is_told_before_anything_is_started(
    arguments: list[str], name: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "soon").touch()
    done = candlewick(*arguments, folder=tmp_path, **{f"CANDLEWICK_SUPERVISOR__{name}": "soon"})
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
