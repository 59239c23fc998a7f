"""Runs in a real MLflow tracking server, where the machine has one."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep

import msgspec
import pytest

from sinks.mlflow import Mlflow, MlflowError

_COMMAND = os.environ.get("MLFLOW") or shutil.which("mlflow")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with a store of its own."""
    if _COMMAND is None:
        pytest.skip("no mlflow on PATH; install it anywhere and name its command in MLFLOW")
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [_COMMAND, "server", "--port", str(port), "--workers", "1", "--backend-store-uri"]
    command += [f"sqlite:///{folder}/runs.db", "--default-artifact-root", str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        _await(port, process, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait(20)


def _await(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = monotonic() + 120
    while monotonic() < until and process.poll() is None:
        with suppress(OSError):
            _get(f"127.0.0.1:{port}", "/health")
            return
        sleep(0.2)
    raise AssertionError(f"mlflow does not start: {log.read_text()[-500:]}")


def _get(host: str, path: str) -> bytes:
    with closing(HTTPConnection(host, timeout=20)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read()


@pytest.mark.integration
def test_a_run_stands_there_with_parameters_figures_and_tags(server: str) -> None:
    mlflow = Mlflow(server)
    runs = [
        mlflow.log_run(
            "candles", f"model {number}", 1_700_000_000_000, parameters={"seed": "7", "segments": "x" * 9_000},
            figures={"log_loss": 0.64, "auc": 0.55}, tags={"version": "ab12"},
        )
        for number in range(2)
    ]  # fmt: skip
    assert len(set(runs)) == 2
    told = _get(server.removeprefix("http://"), f"/api/2.0/mlflow/runs/get?run_id={runs[0]}")
    run = msgspec.json.decode(told)["run"]
    assert run["info"]["status"] == "FINISHED"
    assert run["info"]["run_name"] == "model 0"
    assert {one["key"]: one["value"] for one in run["data"]["metrics"]} == {"log_loss": 0.64, "auc": 0.55}
    assert {one["key"] for one in run["data"]["params"]} == {"seed", "segments"}
    assert ("version", "ab12") in {(one["key"], one["value"]) for one in run["data"]["tags"]}


@pytest.mark.integration
def test_what_the_server_refuses_is_one_line(server: str) -> None:
    with pytest.raises(MlflowError, match=r"experiments/get-by-name\?experiment_name=: 4\d\d"):
        Mlflow(server).log_run("", "x", 0, parameters={}, figures={}, tags={})


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(MlflowError, match=f"MLflow at http://127.0.0.1:{port}: ") as caught:
        Mlflow(f"http://me:secret@127.0.0.1:{port}").log_run("a", "b", 0, parameters={}, figures={}, tags={})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("uri", ["mlflow:5000", "ftp://x", "http://"])
def test_what_is_no_address_is_refused(uri: str) -> None:
    with pytest.raises(MlflowError, match=r"mlflow\.uri"):
        Mlflow(uri)
