"""The job that times indicators: it needs nobody else's packages, and each update is one of ours."""

import json

import pytest

from benchmarks.jobs.indicators import OURS, VECTOR, Bar, Update, run


def test_all_of_a_round_are_timed_over_the_same_bars(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def other(bars: list[Bar]) -> dict[str, Update]:
        assert all(low <= min(opened, close) <= max(opened, close) <= high for opened, high, low, close, _ in bars)
        return {"EMA 20": seen.append}

    monkeypatch.setattr("sys.argv", ["indicators", "2", "30"])
    run({"other": other})
    found = json.loads(capsys.readouterr().out)
    assert seen == [*range(30), *range(30)]
    assert {"EMA 20", "ADX 14 with DI", VECTOR} <= found[OURS].keys()
    assert {len(runs) for runs in found[OURS].values()} == {2}
