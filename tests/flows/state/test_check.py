"""What is wrong with a recovery directory is said a line each, and shown with what is right."""

from pathlib import Path
from typing import Any

import pytest

from flows.errors import FlowError
from flows.settings import Settings, StrategySettings
from flows.state.backup import back_up
from flows.state.check import check
from flows.state.contents import contents
from flows.state.snapshots import DATABASE
from operators.config import DeskConfig, InstrumentConfig
from operators.control import Control
from operators.desk.desk import Desk
from operators.instrument import Instrument
from schemas.layouts import Layout
from schemas.market import CONTROL
from sinks.kafka import LAYOUT as SINK
from sources.log import LAYOUT as SOURCE
from tests.flows.directories import advance, begin, directory, edit, keep
from tests.kafka_tools import put


@pytest.fixture
def whole(settings: Settings, embedded_kafka: dict[str, Any]) -> Settings:
    """A directory with a state of every kind."""
    put(embedded_kafka, [], "features.bars")
    begin(settings)
    advance(settings, 0)
    keep(settings, "instrument", "x:a", ("x:a", Instrument("x:a", InstrumentConfig()).state()))
    keep(settings, "instrument", CONTROL, (CONTROL, Control(InstrumentConfig()).state()))
    keep(settings, "instrument", "dead:market.events:00000", ("dead:market.events:00000", b""))
    keep(settings, "desk", "desk", Desk(DeskConfig()).state())
    keep(settings, "features", "00000", SINK.seal({"partitions": 4, "following": [("features.bars", 0, 0)]}))
    return settings


def test_nothing_is_wrong_with_what_an_engine_leaves(whole: Settings) -> None:
    assert list(check(whole)) == []
    found = contents(directory(whole))
    assert {key.kind for key in found.keys} == {"log", "instrument", "control", "desk", "sink"}
    assert {key.places[0] for key in found.keys if key.step == "log"} == {f"market.events[{at}]@0" for at in range(4)}
    assert (found.resume_epoch, [key.fault for key in found.keys if key.fault]) == (3, [])
    assert found.manifest is not None


def test_each_fault_has_a_line(whole: Settings) -> None:
    keep(whole, "instrument", "x:a", ("x:a", Layout("instrument", 99).seal({})))
    keep(whole, "instrument", "x:b", ("x:b", Instrument("x:b", InstrumentConfig()).state()[:-1] + b"?"))
    keep(whole, "desk", "desk", Layout("desk", 0).seal({}))
    keep(whole, "log", "00001", SOURCE.seal({"partitions": 4, "offset": 10**9}))
    keep(whole, "features", "00000", {"version": 1, "partitions": 4, "following": [("features.bars", 0, 10**9)]})
    edit(whole, flow="store")
    other = whole.model_copy(update={"strategy": StrategySettings(threshold=0.6)})
    said = "\n".join(check(other))
    for expected in (
        "instrument, key x:a: instrument state has version 99, newer than",
        "instrument, key x:b: its checksum is wrong",
        "desk, key desk: desk state has version 0",
        "it is not of this engine: its flow is store",
        "setting strategy.threshold was 0.45 and is 0.6",
        "market.events[1]: offset 1000000000 comes next, but the topic ends at",
        "features.bars[0]: offset 1000000000 comes next, but the topic ends at",
    ):
        assert expected in said
    assert len(said.splitlines()) == 7
    faults = {key.key: key.fault for key in contents(directory(whole)).keys if key.fault}
    assert faults == {"x:b": "its checksum is wrong: the recovery state was damaged"}


def test_a_torn_database_is_the_only_fault(whole: Settings) -> None:
    file = directory(whole) / DATABASE
    file.write_bytes(file.read_bytes()[:-4096])
    (line,) = check(whole)
    assert f"{DATABASE} is damaged" in line


def test_a_directory_without_a_state_is_told(settings: Settings, tmp_path: Path) -> None:
    for look in (lambda: list(check(settings)), lambda: contents(tmp_path), lambda: back_up(tmp_path, tmp_path / "b")):
        with pytest.raises(FlowError, match="holds no recovery state"):
            look()


def test_a_backup_is_gone_on_with(whole: Settings, tmp_path: Path) -> None:
    (tmp_path / "copy.new").mkdir()  # an earlier one that was interrupted
    assert back_up(directory(whole), tmp_path / "copy") == 3
    engine = whole.engine.model_copy(update={"recovery_dir": tmp_path / "copy"})
    copied = whole.model_copy(update={"engine": engine})
    assert list(check(copied)) == []
    begin(copied)
    assert [key.key for key in contents(tmp_path / "copy").keys] == [key.key for key in contents(directory(whole)).keys]
    with pytest.raises(FlowError, match="is there already"):
        back_up(directory(whole), tmp_path / "copy")


def test_a_damaged_database_is_not_backed_up(whole: Settings, tmp_path: Path) -> None:
    file = directory(whole) / DATABASE
    file.write_bytes(file.read_bytes()[:-4096])
    with pytest.raises(FlowError, match=r"damaged|malformed"):
        back_up(directory(whole), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
