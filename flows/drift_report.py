"""A window of candidates against training, by Evidently and by our own measures side by side."""

import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from flows.errors import FlowError
from models.dataset import Dataset
from models.drift import bin_of, counts_of, histogram, ks, psi

__all__ = ["Compared", "Report", "compare", "drift_report"]

_LEAST: Final = 20
"""Known values on either side, below which nothing is said of an input."""


class Compared(Struct, frozen=True, kw_only=True):
    """An input's distribution now and in training."""

    feature: str
    psi: float
    """Bins of equal frequency in training, what is not known among them, less what chance makes of small samples."""
    ks: float
    """Of what is known."""
    evidently_psi: float
    """Bins of Evidently's own choice over both samples, without what is not known, chance included."""


class Report(Struct, frozen=True):
    """Of all inputs that are known well enough."""

    html: str
    """Evidently's, a page of its own."""
    json: str
    """Evidently's."""
    compared: list[Compared]
    """Those that moved furthest come first."""


def drift_report(reference: Dataset, current: Dataset, out: Path) -> list[Compared]:
    """Write Evidently's ``report.html`` and ``report.json`` and our ``measures.json`` into ``out``; inputs that moved
    furthest come first.

    Raises:
        FlowError: data sets of different inputs, too few rows, or ``out`` cannot be written.
    """
    names = list(reference.manifest.inputs)
    if names != list(current.manifest.inputs):
        raise FlowError("the data sets have different inputs: make both with one version of the program")
    found = compare(names, reference.x, current.x)
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.html").write_text(found.html, "utf-8")
        (out / "report.json").write_text(found.json, "utf-8")
        (out / "measures.json").write_bytes(msgspec.json.format(msgspec.json.encode(found.compared)) + b"\n")
    except OSError as error:
        raise FlowError(f"--out {out}: {error.strerror}") from error
    return found.compared


def compare(names: Sequence[str], reference: NDArray[np.float32], current: NDArray[np.float32]) -> Report:
    """Hold ``current`` against ``reference``, a column a name; NaN is not known.

    Raises:
        FlowError: too few rows.
    """
    told = [
        at for at in range(len(names)) if min(_known(reference[:, at]), _known(current[:, at])) >= _LEAST
        and len(np.unique(reference[:, at])) > 1
    ]  # fmt: skip
    if not told:
        raise FlowError(
            f"{len(reference)} rows of training and {len(current)} of now: no input is known in {_LEAST} of both"
        )
    html, json = _evidently({names[at]: (reference[:, at], current[:, at]) for at in told})
    metrics = msgspec.json.decode(json)["metrics"]
    theirs = {one["config"]["column"]: float(one["value"]) for one in metrics if "column" in one["config"]}
    found = [_compared(names[at], reference[:, at], current[:, at], theirs[names[at]]) for at in told]
    return Report(html, json, sorted(found, key=lambda one: (-one.psi, one.feature)))


def _known(values: NDArray[np.float32]) -> int:
    return int((~np.isnan(values)).sum())


def _compared(name: str, was: NDArray[np.float32], now: NDArray[np.float32], theirs: float) -> Compared:
    about = histogram(was)
    counts = np.bincount(bin_of(about, now), minlength=len(about.counts) + 1)
    return Compared(feature=name, psi=psi(counts_of(about), counts.tolist()), ks=ks(was, now), evidently_psi=theirs)


def _evidently(columns: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]) -> tuple[str, str]:
    """Its page and its JSON."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, about libraries newer than itself
        evidently, presets = import_module("evidently"), import_module("evidently.presets")
        frames: Any = import_module("pandas").DataFrame
        about = evidently.DataDefinition(numerical_columns=list(columns))
        now, was = (
            evidently.Dataset.from_pandas(
                frames({name: pair[side].astype(np.float64) for name, pair in columns.items()}), data_definition=about
            )
            for side in (1, 0)
        )
        report = evidently.Report([presets.DataDriftPreset(num_method="psi")]).run(now, was)
        return str(report.get_html_str(as_iframe=False)), str(report.json())
