"""kill -9: engine and store, at random moments and at every failpoint, while the market goes on."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from schemas.failpoints import FAILPOINTS
from tests.faults.conftest import Form, Markets
from tests.faults.stand import Stand
from tests.faults.table import Finding
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.own_topics import bars_of, bars_of_the_log, in_the_log, own_topics, some_market
from tests.integration.pipeline import Pipeline

pytestmark = [pytest.mark.integration, pytest.mark.fault("kill -9")]

_READY_S: Final = 5.0
_EARLY: Final = 0.25
"""Of the engines are killed before they are ready."""
_LIFE_S: Final = 1.5
_SECONDS: Final = 600
_SHARP: Final = {
    "features.write.after", "signals.commit.before", "signals.commit.after", "sink.snapshot.after", "readback.after",
    "store.commit.before", "store.commit.after",
}  # fmt: skip
_ONCE: Final = {"signals.begin.before", "signals.commit.before", "signals.commit.after"}
"""Of which a process may not reach a second in time."""
_NEWS: Final = ("signals.", "features.write.", "log.read.after", "desk.", "instrument.")
"""Points that are reached only while there is something new: they come first, as the market ends at some time."""


def test_random_moments(
    form: Form,
    market: Markets,
    brokers: Callable[[], KafkaBroker],
    timescale_database: str,
    tmp_path: Path,
    finding: Finding,
) -> None:
    """The engine is killed as it starts, as it catches up, as it waits; the store now and then beside it."""
    chance = random.Random(5)  # noqa: S311, which moments is all that it decides
    kills = form.number(5, 50)
    finding.injected(f"{kills} kills of the engine at random moments, {kills // 3} of the store")
    ready: list[float] = []
    with Stand(brokers(), tmp_path, market(_SECONDS), dsn=timescale_database) as stand:
        stand.store.start()
        feed = stand.feed(speed=_SECONDS / (form.amount(2.0, 2.5) * kills))
        for number in range(kills):
            stand.start_engine()
            if chance.random() > _EARLY and stand.results() < stand.market.results:
                ready.append(stand.ready_s())
            time.sleep(chance.uniform(0, _LIFE_S))
            stand.engine.kill()
            if number % 3 == 1:
                stand.store.kill()
                stand.store.start()
        feed.end()
        stand.finish()
        verdict = stand.verdict()
    finding.found(**verdict._asdict(), ready_s_median=sorted(ready)[len(ready) // 2], ready_s_max=max(ready))
    assert verdict.good
    assert max(ready) < form.limit_s(_READY_S)


def test_every_failpoint(
    form: Form,
    market: Markets,
    brokers: Callable[[], KafkaBroker],
    timescale_database: str,
    tmp_path: Path,
    finding: Finding,
) -> None:
    """The engine and the store die once at each of their points, of which the short form takes the sharpest."""
    engine = [name for name in FAILPOINTS if not name.startswith(("store.", "ingest.")) if form.full or name in _SHARP]
    engine.sort(key=lambda name: next((at for at, news in enumerate(_NEWS) if name.startswith(news)), len(_NEWS)))
    store = [name for name in FAILPOINTS if name.startswith("store.") if form.full or name in _SHARP]
    finding.injected(f"a kill at each of {len(engine)} failpoints of the engine and {len(store)} of the store")
    chance = random.Random(6)  # noqa: S311, no secret
    seconds = form.number(_SECONDS, 1_800)
    with Stand(brokers(), tmp_path, market(seconds), dsn=timescale_database) as stand:
        feed = stand.feed(speed=seconds / (form.amount(2.0, 3.0) * len(engine)))
        for name in engine:
            if store and not stand.store.alive:
                stand.store.start(CANDLEWICK_FAILPOINT=store.pop(0))
            stand.start_engine(CANDLEWICK_FAILPOINT=f"{name}:{1 if name in _ONCE else chance.randint(1, 5)}")
            assert stand.engine.wait() == -signal.SIGKILL, stand.engine.words()
        while True:  # none of them but the last one leaves anything stored, so each has something to do
            assert stand.store.wait() == -signal.SIGKILL, stand.store.words()
            if not store:
                break
            stand.store.start(CANDLEWICK_FAILPOINT=store.pop(0))
        feed.end()
        stand.finish()
        verdict = stand.verdict()
    finding.found(**verdict._asdict())
    assert verdict.good


def test_an_ingester_of_own_topics(brokers: Callable[[], KafkaBroker], tmp_path: Path, finding: Finding) -> None:
    """It dies at each of its points and goes on where it last committed: what is told twice is recognised."""
    points = [name for name in FAILPOINTS if name.startswith("ingest.")]
    finding.injected(f"a kill at each of {len(points)} failpoints of an ingester")
    pipeline, market = Pipeline(brokers(), tmp_path, partitions=4), some_market()
    command = ["ingest", "--topics", own_topics(pipeline.broker.bootstrap, market), "--until-end"]
    for name in points:
        ingester = pipeline.start(*command, "--speed", "40", CANDLEWICK_FAILPOINT=name)
        said = ingester.communicate(timeout=60)
        assert ingester.returncode == -signal.SIGKILL, said
    pipeline.run(*command)
    found, expected = bars_of_the_log(pipeline.broker.bootstrap, tmp_path / "out"), bars_of(market, tmp_path / "direct")
    repeated = in_the_log(pipeline.broker.bootstrap) - len(market)
    finding.found(lost=len(expected.keys() - found.keys()), changed=sum(found[i] != expected[i] for i in expected))
    finding.found(records_told_again=repeated)
    assert found == expected
    assert 0 < repeated < len(market)
