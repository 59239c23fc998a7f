"""Training runs into an MLflow tracking server, by its REST interface (version 2.0); nothing of MLflow is needed."""

import base64
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

import msgspec

from sinks.errors import SinkError

__all__ = ["Mlflow", "MlflowError"]

_PATH: Final = "/api/2.0/mlflow/"
_TIMEOUT_S: Final = 20.0
_MOST: Final = 100
"""Parameters, and characters of a value that the server is sure to take."""
_LONGEST: Final = 500


class MlflowError(SinkError):
    """A tracking server that does not answer, or refuses a run; says where and why."""


class Mlflow:
    """A tracking server.

    Parameters:
        uri: ``http://host:port``, with ``user:password@`` before the host where it asks for them.

    Raises:
        MlflowError: ``uri`` is none of http or https.
    """

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise MlflowError("mlflow.uri: has to be http://host:port or https://host")
        self._parts = parts
        self._place = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")

    def log_run(
        self, experiment: str, name: str, ts_ms: int, *,
        parameters: Mapping[str, str], figures: Mapping[str, float], tags: Mapping[str, str],
    ) -> str:  # fmt: skip
        """Write a finished run into ``experiment``, made if missing; the run's identifier.

        Raises:
            MlflowError: the server does not answer, or refuses.
        """
        run = self._ask(
            "runs/create",
            {
                "experiment_id": self._experiment(experiment), "run_name": name, "start_time": ts_ms,
                "tags": [{"key": key, "value": value} for key, value in tags.items()],
            },
        )["run"]["info"]["run_id"]  # fmt: skip
        told = [{"key": key, "value": value[:_LONGEST]} for key, value in islice(parameters.items(), _MOST)]
        metrics = [{"key": key, "value": value, "timestamp": ts_ms, "step": 0} for key, value in figures.items()]
        self._ask("runs/log-batch", {"run_id": run, "params": told, "metrics": metrics})
        self._ask("runs/update", {"run_id": run, "status": "FINISHED", "end_time": ts_ms})
        return str(run)

    def _experiment(self, name: str) -> str:
        found = self._ask(f"experiments/get-by-name?experiment_name={quote(name)}", None)
        if "experiment" in found:
            return str(found["experiment"]["experiment_id"])
        return str(self._ask("experiments/create", {"name": name})["experiment_id"])

    def _ask(self, what: str, content: Any) -> dict[str, Any]:
        kind = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
        connection = kind(str(self._parts.hostname), self._parts.port, timeout=_TIMEOUT_S)
        headers = {"Content-Type": "application/json"}
        if self._parts.username:
            user = f"{unquote(self._parts.username)}:{unquote(self._parts.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
        method, body = ("GET", None) if content is None else ("POST", msgspec.json.encode(content))
        try:
            connection.request(method, self._parts.path.rstrip("/") + _PATH + what, body, headers)
            answer = connection.getresponse()
            told = answer.read()
        except (OSError, HTTPException) as error:
            raise MlflowError(f"MLflow at {self._place}: {error}") from error
        finally:
            connection.close()
        try:
            found: dict[str, Any] = msgspec.json.decode(told or b"{}", type=dict)
        except msgspec.MsgspecError as error:
            raise MlflowError(f"MLflow at {self._place}: its answer to {what} ({answer.status}) is no JSON") from error
        if answer.status < 300 or found.get("error_code") == "RESOURCE_DOES_NOT_EXIST":
            return found
        raise MlflowError(f"MLflow at {self._place}: {what}: {answer.status} {found.get('message', '')}"[:_LONGEST])
