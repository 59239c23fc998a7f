"""The table at the end of a run: each fault, what was injected, what came of it, and whether the promise held."""

import json
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

__all__ = ["FAULTS", "RESULT", "Finding", "Row", "print_table", "rows"]

FAULTS: Final = (
    "kill -9", "database", "broker", "trimmed offsets", "outage", "bad input", "clocks", "silence",
    "recovery directory", "signals", "soak", "API under load",
)  # fmt: skip
"""In the order of the table; a file each."""
RESULT: Final = Path(__file__).resolve().parents[2] / "benchmarks/out/faults.json"


class Row(NamedTuple):
    """Of the table."""

    fault: str
    injected: str
    figures: dict[str, Any]
    held: str
    """``yes``, ``no``, or why it was not tried."""


class Finding:
    """What a test tells of its fault; kept with the test's report, so that it comes through from other processes."""

    def __init__(self, properties: list[tuple[str, object]], fault: str) -> None:
        self._properties = properties
        properties.append(("fault", fault))

    def injected(self, words: str) -> None:
        """What is done to the system."""
        self._properties.append(("injected", words))

    def found(self, **figures: float | str) -> None:
        """Figures of the result, with their units at the end of their names."""
        rounded = {name: round(value, 2) if isinstance(value, float) else value for name, value in figures.items()}
        self._properties.append(("figures", json.dumps(rounded)))


def rows(reports: Iterable[pytest.TestReport]) -> list[Row]:
    """A row of each report that tells of a fault."""
    found = [_row(report) for report in reports if any(name == "fault" for name, _ in report.user_properties)]
    return sorted(found, key=lambda row: FAULTS.index(row.fault))


def _row(report: pytest.TestReport) -> Row:
    told = dict(report.user_properties)
    figures: dict[str, Any] = {}
    for name, value in report.user_properties:
        if name == "figures":
            figures |= json.loads(str(value))
    reason = report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else ""
    held = "yes" if report.passed else f"not tried: {reason}" if report.skipped else "no"
    return Row(str(told["fault"]), str(told.get("injected", "")), figures, held)


def print_table(reporter: pytest.TerminalReporter) -> None:
    """At the end of a run that tried faults; a full one also leaves it as JSON in `RESULT`."""
    reports = [report for outcome in ("passed", "failed", "skipped") for report in reporter.getreports(outcome)]
    found = rows(report for report in reports if report.when == "call" or not report.passed)
    if not found:
        return
    reporter.section("faults")
    reporter.line("| fault | injected | figures | held |")
    reporter.line("|---|---|---|---|")
    for row in found:
        figures = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in row.figures.items())
        reporter.line(f"| {row.fault} | {row.injected} | {figures} | {row.held} |")
    if reporter.config.getoption("--faults", "short") == "full":
        machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
        document = {"machine": machine, "faults": [row._asdict() for row in found]}
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        RESULT.write_text(json.dumps(document, indent=1) + "\n")
