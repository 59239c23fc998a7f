"""A warm start from stored bars, written to a real log while the engine runs, beside a run without interruption."""

import csv
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import pytest

from flows.feeds import simulated_feed
from flows.ingest import Recorder, ingest
from operators.feature import SESSIONS, Feature, span_on
from operators.features import CATALOGUE
from schemas.results import FeatureRecord, Vector
from schemas.time import DAY, MINUTE, TIMEFRAME_NS, to_text
from sources.simulator import LISTINGS, Simulator, SimulatorConfig
from tests.integration.golden import golden_of
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline, until

pytestmark = pytest.mark.integration

BEGIN = 1_723_161_600_000_000_000 + 50 * MINUTE  # 2024-08-09 00:50 UTC: what is live has a close of an hour in it
CONFIG = SimulatorConfig(seed=11, start=BEGIN, duration=12 * MINUTE, instruments=LISTINGS[:1])
WHOLE_DAYS, STORED_DAYS = 4.0, 2.1
STORED = BEGIN - round(STORED_DAYS * DAY)

Vectors = dict[tuple[str, int], Vector]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """The whole history as bars in a file."""
    path = tmp_path / "bars.csv"
    names = ("open", "high", "low", "close", "volume", "notional", "trades", "buy_volume")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("ts_ms", *names))
        for bar in Simulator(CONFIG).history_bars(days=WHOLE_DAYS):
            writer.writerow((bar.ts_open // 10**6, *(getattr(bar, name) for name in names)))
    return path


def live(values: Iterable[bytes]) -> Vectors:
    """The vectors after the history."""
    found = [msgspec.json.decode(value, type=FeatureRecord) for value in values]
    return {
        (one.timeframe, one.ts_close): one for one in found if isinstance(one, Vector) and one.ts_close > BEGIN
    }  # fmt: skip


def covered(feature: Feature, vector: Vector) -> bool:
    """Whether the stored bars go back as far as the catalogue says that a warm start has to."""
    length, warm_up = TIMEFRAME_NS[vector.timeframe], span_on(feature.warm_up, vector.timeframe)
    if isinstance(warm_up, int):
        return vector.ts_close - max(warm_up, 1) * length >= STORED
    if warm_up not in SESSIONS:
        return vector.ts_close - 4 * length > STORED  # two hours
    today = (vector.ts_close - 1) // DAY * DAY
    return today - (SESSIONS[warm_up] - 1) * DAY - length >= STORED


def test_a_warm_start_equals_the_run_that_was_never_interrupted(
    table: Path, brokers: Callable[[], KafkaBroker], tmp_path: Path
) -> None:
    whole = live(
        golden_of(simulated_feed(Simulator(CONFIG), history_days=WHOLE_DAYS), tmp_path)["features.vectors"].values()
    )
    with Recorder(tmp_path / "live.jsonl") as recorder:
        ingest(simulated_feed(Simulator(CONFIG)).items, recorder)
    pipeline = Pipeline(brokers(), tmp_path, partitions=2)
    backfill = ["backfill", str(table), "--instrument", LISTINGS[0].instrument_id, "--timeframe", "1m"]
    engine = pipeline.start("run")
    until(pipeline.engine_holds_its_state, "the engine", engine)
    bars = round(STORED_DAYS * DAY / MINUTE)
    assert f"bar: {bars}\n" in pipeline.run(*backfill, "--since", to_text(STORED), "--until", to_text(BEGIN))
    again = pipeline.fail(*backfill, "--since", to_text(STORED), status=2)
    assert "this history begins 2024-08-06T22:27:00Z, and market.events[" in again
    assert "is a bar of 2024-08-06T22:27:00Z: behind that it would be too late" in again
    pipeline.run("ingest", "--tape", str(tmp_path / "live.jsonl"))
    pipeline.wait_for_results(bars, engine)
    pipeline.stop(engine)
    pipeline.run("run", "--until-end")

    warm = live(value for values in pipeline.read()["features.vectors"].values() for value in values)
    assert warm.keys() == whole.keys()
    assert {timeframe for timeframe, _ in warm} == {"1m", "5m", "15m", "1h"}
    compared = 0
    for place, vector in warm.items():
        expected, close = whole[place], vector.features["ema_9"] or 0.0
        for feature in CATALOGUE:
            if covered(feature, vector):
                value = expected.features[feature.name]
                compared += value is not None
                about = None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9 * close)
                assert vector.features[feature.name] == about, (place, feature.name)
    assert compared > 100 * len(warm)
    assert "identical" in pipeline.run("verify-parity")
    late = pipeline.fail(*backfill, "--since", to_text(BEGIN), status=2)
    assert "there is nothing to write" in late
