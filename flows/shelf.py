"""The registry as the API reads it."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from threading import Lock
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from flows.errors import FlowError
from models.errors import ModelRefused, RegistryAway
from models.manifest import Manifest
from models.registry import Registry
from models.rows import row
from schemas.cards import Importance, ModelCard
from schemas.errors import AwayError
from sinks.database import Connection, connect, in_one_line
from sinks.export import Asked, candidate_inputs

__all__ = ["RegistryShelf"]

_MOST: Final = 20
"""Inputs on a card; the others weigh next to nothing."""
_ROWS: Final = 20_000
"""Of a report, on either side: more would say the same and take minutes."""


class RegistryShelf:
    """See `api.shelf.Shelf`.

    Parameters:
        dsn: of the store that reports are made of; a role that may only read is enough.
    """

    def __init__(self, registry: Registry, dsn: str) -> None:
        self.registry, self._dsn, self._report = registry, dsn, Lock()

    def card(self, model: str, version: str) -> ModelCard:
        """What a version says of itself.

        Raises:
            ModelRefused: there is no such version, or its manifest was changed.
        """
        with _unnamed(model, version):
            manifest = self.registry.manifest(model, version)
        weights = [
            Importance(feature=name, mean=fmean(shares), low=min(shares), high=max(shares))
            for name, shares in manifest.importance.items() if any(shares)
        ]  # fmt: skip
        return ModelCard(
            model=model, version=version, kind=manifest.kind, train_start=manifest.train_start,
            train_end=manifest.train_end, outcomes=manifest.outcomes, figures=manifest.figures, curve=manifest.curve,
            importance=sorted(weights, key=lambda one: (-one.mean, one.feature))[:_MOST],
        )  # fmt: skip

    def drift_report(self, model: str, version: str, since: int, until: int, form: Literal["html", "json"]) -> bytes:
        """Candidates with ``since <= close < until`` (ns) against those of the version's training, by Evidently.

        It is made in a process of its own that ends with it: Evidently is large, and would hold up everything else.

        Raises:
            ModelRefused: there is no such version, or its manifest was changed.
            AwayError: no database, or another report is being made.
            FlowError: too few candidates.
        """
        if not self._report.acquire(blocking=False):
            raise AwayError("another report is being made; ask again in a moment")
        try:
            with _unnamed(model, version), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                asked = (self.registry.place, self._dsn, model, version, since, until, form)
                return process.submit(_drift_report, *asked).result()
        except BrokenProcessPool as error:
            raise FlowError("the process that makes the report was ended; is there enough memory?") from error
        finally:
            self._report.release()


@contextmanager
def _unnamed(model: str, version: str) -> Iterator[None]:
    """Where the registry lies is not told."""
    try:
        yield
    except RegistryAway as error:
        raise ModelRefused(f"model {model} {version}: the registry cannot be read") from error


def _drift_report(
    place: Path | str, dsn: str, model: str, version: str, since: int, until: int, form: Literal["html", "json"]
) -> bytes:
    from flows.drift_report import compare

    manifest = Registry(place).manifest(model, version)
    with in_one_line(dsn), connect(dsn) as connection:
        was = _inputs(connection, manifest, manifest.train_start, manifest.train_end)
        now = _inputs(connection, manifest, since, until)
    report = compare(manifest.inputs, was, now)
    return (report.html if form == "html" else report.json).encode()


def _inputs(connection: Connection, manifest: Manifest, since: int, until: int) -> NDArray[np.float32]:
    """Rows as the model sees them."""
    asked = Asked(
        strategy=manifest.strategy, instruments=manifest.instruments, schema_hash=manifest.schema_hash,
        context_hash=manifest.context_hash,
    )  # fmt: skip
    nothing = dict.fromkeys(manifest.inputs)
    rows = [
        row(
            manifest.inputs, {**nothing, **one.features}, one.tainted,
            direction=1 if one.direction == "long" else -1, score=one.score,
        )
        for one in candidate_inputs(connection, asked, since, until, _ROWS)
    ]  # fmt: skip
    return np.array(rows, np.float32).reshape(len(rows), len(manifest.inputs))
