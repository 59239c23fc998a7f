"""What a run says at its very end: the components that this machine lacked."""

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Name each reason for which tests were skipped once, after everything else."""
    yield
    skipped = terminalreporter.getreports("skipped")
    reasons = [report.longrepr[2].removeprefix("Skipped: ") for report in skipped if isinstance(report.longrepr, tuple)]
    if reasons:
        terminalreporter.section("not run on this machine")
        for reason in dict.fromkeys(reasons):
            terminalreporter.line(f"{reason} ({reasons.count(reason)} tests)")
