"""Every look at a span of outcomes is counted, whatever file they came from and whatever it was for."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from flows.errors import FlowError
from flows.ledger import Compared, Ledger, Look, Trial, times

BTC, ETH = "x:BTC/USDT", "x:ETH/USDT"


def look(start: int, end: int, *, at: str = "1", **told: Any) -> Look:
    return replace(Look(at=at, command="evaluate", segment="s", ts_start=start, ts_end=end), **told)


def trial(start: int, end: int, **told: Any) -> Trial:
    return Trial(
        **msgspec.structs.asdict(look(start, end, **told)), dataset="d", learner="lightgbm", config="c", passed=False,
        sharpe=None, log_loss=0.7, ic=None, stretches=[],
    )  # fmt: skip


def compared(challenger: str, champion: str, at: str) -> Compared:
    return Compared(
        **msgspec.structs.asdict(look(10, 20, at=at, instruments=[BTC])), model="m", challenger=challenger,
        champion=champion, verdict="worse", outcomes=7, gain=-0.01,
    )  # fmt: skip


def test_what_overlaps_in_time_and_instruments_was_looked_at() -> None:
    seen = look(10, 20, instruments=[BTC, ETH])
    assert seen.saw(look(19, 30, instruments=[ETH], segment="other"))
    assert not seen.saw(look(20, 30, instruments=[ETH]))
    assert not seen.saw(look(0, 10, instruments=[ETH]))
    assert not seen.saw(look(10, 20, instruments=["x:SOL/USDT"]))
    assert seen.saw(look(10, 20))  # of an older program, which wrote down the segment alone
    assert not seen.saw(look(10, 20, segment="other"))
    by_symbol = look(10, 20, instruments=["BTC/USDT"])
    assert (seen.saw(by_symbol), by_symbol.saw(seen)) == (True, True)
    assert not seen.saw(look(10, 20, instruments=["y:BTC/USDT"]))


def test_what_is_tried_is_a_configuration_on_data_that_were_chosen() -> None:
    """Who evaluates another strategy, or with other costs, makes another data set; a round takes what there is."""
    first = trial(10, 20)
    assert trial(10, 20, at="2").what == first.what
    others = replace(first, dataset="e"), replace(first, config="o"), replace(first, ts_start=11)
    assert len({first.what, *(one.what for one in others)}) == 4
    rounds = [replace(one, command="retrain") for one in (first, *others)]
    assert len({one.what for one in rounds}) == 2


def test_trials_comparisons_and_looks_are_all_counted(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "new" / "ledger.jsonl")
    told = [trial(0, 15, instruments=[BTC]), compared("2", "1", "2"), look(19, 40, at="3"), trial(50, 60, at="4")]
    ledger.add([told[0], told[0]])  # two learners, one look
    ledger.add(told[1:])
    assert ledger.looks() == [told[0], *told]
    assert ledger.trials() == [told[0], told[0], told[3]]
    assert times(ledger.looks(), look(12, 20, instruments=[BTC])) == 3
    assert times(ledger.looks(), look(12, 20, instruments=[ETH])) == 1


def test_challengers_of_a_champion_are_counted_once_each(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add([compared("2", "1", "1"), compared("2", "1", "2"), compared("3", "1", "3"), compared("4", "", "4")])
    assert ledger.challengers("m", "1") == {"2", "3"}
    assert ledger.challengers("m", "") == {"4"}
    assert ledger.challengers("another", "1") == set()


def test_a_ledger_of_before_goes_on(tmp_path: Path) -> None:
    """Its lines have no instruments, and there were none but trials."""
    path = tmp_path / "ledger.jsonl"
    old = {name: value for name, value in msgspec.to_builtins(trial(0, 10)).items() if name != "instruments"}
    path.write_bytes(msgspec.json.encode(old) + b"\n")
    Ledger(path).add([compared("2", "1", "2")])
    assert Ledger(path).looks() == [trial(0, 10), compared("2", "1", "2")]


def test_a_damaged_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path).add([trial(0, 10)])
    with path.open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(FlowError, match=r"ledger\.jsonl, line 2: no trial, comparison or look: .*missing required"):
        Ledger(path).trials()


def test_what_an_add_that_died_has_left_is_no_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path).add([trial(0, 10)])
    path.write_bytes(path.read_bytes() * 2)
    whole = path.read_bytes()
    for rest, left in ((whole[:70], [trial(0, 10)] * 2), (msgspec.json.encode(look(3, 4)), [look(3, 4)])):
        path.write_bytes(whole + rest)
        before = Ledger(path).looks()
        assert before[-1] == left[-1]
        Ledger(path).add([compared("2", "1", "2")])
        assert Ledger(path).looks() == [*before, compared("2", "1", "2")]
