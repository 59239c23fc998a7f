"""How long each part of the tests took: what a change makes slower is seen where it belongs."""

from typing import Final

import pytest

__all__ = ["part_of", "print_parts"]

_PARTS: Final = {
    "faults, supervision, recovery, security": (
        "tests/faults/", "tests/flows/supervise/", "tests/flows/state/", "tests/flows/test_recovery.py",
        "tests/flows/test_observed.py", "tests/flows/test_vitals.py", "tests/flows/test_secrets.py",
        "tests/flows/test_clock.py", "tests/flows/cli/test_up.py", "tests/integration/test_recovery.py",
        "tests/integration/test_rebuild.py", "tests/integration/test_supervise.py", "tests/integration/test_lease.py",
        "tests/integration/test_encrypted.py", "tests/integration/test_api_load.py", "tests/integration/test_roles.py",
        "tests/api/test_access.py", "tests/api/test_guard.py", "tests/api/test_limits.py",
        "tests/api/test_fuzz.py", "tests/api/test_vitals.py", "tests/sinks/test_api_keys.py", "tests/benchmarks/",
    ),
    "features": (
        "tests/operators/indicators/", "tests/operators/flow/", "tests/operators/desk/test_context",
        "tests/operators/desk/test_cross", "tests/operators/desk/test_external", "tests/operators/desk/test_returns",
        "tests/operators/test_features.py", "tests/operators/test_liquidation_map.py",
        "tests/operators/test_microstructure.py", "tests/operators/test_agreement.py", "tests/models/",
        "tests/flows/test_catalogue.py", "tests/flows/test_context.py", "tests/flows/test_heatmap.py",
        "tests/flows/test_history.py", "tests/sources/test_history.py", "tests/flows/test_backfill.py",
        "tests/integration/test_backfill.py", "tests/integration/test_all_features.py", "operators/indicators/",
    ),
}  # fmt: skip
_REST: Final = "the way of an event"
"""Everything that a signal goes through, from tape to page."""


def part_of(nodeid: str) -> str:
    """To which part a test belongs.

    >>> part_of("tests/faults/test_kill.py::test_random_moments"), part_of("tests/sinks/test_kafka.py::test_x")
    ('faults, supervision, recovery, security', 'the way of an event')
    """
    return next((part for part, prefixes in _PARTS.items() if nodeid.startswith(prefixes)), _REST)


def print_parts(reporter: pytest.TerminalReporter) -> None:
    """At the end of a run, for each part its tests' seconds over the number of processes that ran them."""
    seconds: dict[str, float] = {}
    for reports in reporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                part = part_of(report.nodeid)
                seconds[part] = seconds.get(part, 0.0) + report.duration
    if len(seconds) < 2:
        return
    processes = reporter.config.getoption("numprocesses", None) or 1
    reporter.section(f"seconds of each part, with {processes} processes")
    for part, took in seconds.items():
        reporter.line(f"{took / processes:7.1f}  {part}")
