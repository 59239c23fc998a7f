"""The broker crashes or freezes, and the way to it is cut, deaf or slow: who uses it waits, and nothing is lost."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from schemas.topics import LOG
from tests.faults.conftest import Form, Markets
from tests.faults.proxy import Proxy
from tests.faults.stand import Stand
from tests.faults.table import Finding
from tests.integration.kafka_broker import KafkaBroker, MissingError, fetch

pytestmark = [pytest.mark.integration, pytest.mark.fault("broker")]

_SECONDS: Final = 600
_PATIENCE_S: Final = 150.0
"""A client gives a deaf connection up after a minute, and then may have had a second one."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Between our processes and the broker."""
    with Proxy() as proxy:
        yield proxy


@pytest.fixture
def proxied(proxy: Proxy, tmp_path: Path) -> Iterator[KafkaBroker]:
    """A broker that tells those who come by the proxy to come by it again."""
    try:
        jars, archive = fetch()
    except MissingError as error:
        pytest.skip(f"real Apache Kafka: not run, because {error}")
    with KafkaBroker(tmp_path / "kafka", jars, archive=archive, behind=proxy.port) as broker:
        proxy.upstream = broker.inner
        yield broker


def test_crash_and_bad_ways(
    form: Form,
    market: Markets,
    proxied: KafkaBroker,
    proxy: Proxy,
    timescale_database: str,
    tmp_path: Path,
    finding: Finding,
) -> None:
    """One after the other while the market goes on; ingester, engine and store are the same processes throughout."""
    down_s, spoiled_s = form.amount(2.0, 30.0), form.amount(1.0, 10.0)
    finding.injected(f"broker killed for {down_s:.0f} s; way cut, half-open, 500 ms slow, {spoiled_s:.0f} s each")
    # A client finds out after a minute that a connection is deaf; the short form has not so much time.
    client = "{}" if form.full else '{"socket.timeout.ms": 2000}'
    settings = {"CANDLEWICK_KAFKA__BOOTSTRAP": f"127.0.0.1:{proxy.port}", "CANDLEWICK_KAFKA__CLIENT": client}
    figures: dict[str, float] = {}
    with Stand(proxied, tmp_path, market(_SECONDS), dsn=timescale_database, settings=settings) as stand:
        stand.store.start()  # first, so that it has begun when the broker goes; who only begins may give up
        feed = stand.feed(speed=_SECONDS / (form.amount(10.0, 150.0) + down_s + 3 * spoiled_s))
        stand.start_engine()
        faults = {"crash": crashed(proxied), "cut": cut(proxy), "half_open": half_open(proxy), "slow": slow(proxy)}
        for name, fault in faults.items():
            stand.more(_PATIENCE_S)
            with fault:
                time.sleep(down_s if name == "crash" else spoiled_s)
            figures[f"{name}_s_to_next_result"] = stand.more(_PATIENCE_S)
        feed.end()
        stand.wait(stand.market.results, _PATIENCE_S)
        assert stand.store.alive, stand.store.words()
        stand.finish()
        verdict, in_the_log = stand.verdict(), stand.pipeline.count(LOG)
    acknowledged = sum(int(count) for count in re.findall(r"^(?!malformed)\w+: (\d+)$", feed.words(), re.MULTILINE))
    finding.found(**verdict._asdict(), **figures, acknowledged=acknowledged, in_the_log=in_the_log)
    assert verdict.good
    # A batch whose answer died with the broker may be sent twice: its events are recognised, as the verdict shows.
    assert acknowledged <= in_the_log


def test_frozen_at_the_kill(
    form: Form, market: Markets, brokers: Callable[[], KafkaBroker], tmp_path: Path, finding: Finding
) -> None:
    """What a killed engine had on the wire arrives when the broker wakes up, perhaps after its successor began."""
    times, frozen_s = form.number(1, 5), form.amount(2.0, 10.0)
    finding.injected(f"kill -9 of the engine with the broker frozen, for {frozen_s:.0f} s from then on; {times} times")
    with Stand(brokers(), tmp_path, market(_SECONDS), partitions=12) as stand:
        stand.feed().end()
        for number in range(times):
            stand.start_engine()
            stand.wait((number + 1) * stand.market.results // (times + 1))
            stand.broker.pause()
            time.sleep(0.1)
            stand.engine.kill()
            stand.engine.start()
            time.sleep(frozen_s)
            stand.broker.recover()
            stand.engine.kill()
        stand.finish()
        verdict = stand.verdict()
    finding.found(**verdict._asdict())
    assert verdict.good


@contextmanager
def crashed(broker: KafkaBroker) -> Iterator[None]:
    """kill -9."""
    broker.kill()
    yield
    broker.start()


@contextmanager
def cut(proxy: Proxy) -> Iterator[None]:
    """No connection holds."""
    proxy.cut()
    yield
    proxy.mend()


@contextmanager
def half_open(proxy: Proxy) -> Iterator[None]:
    """Connections seem to hold, and nobody answers."""
    proxy.half_open()
    yield
    proxy.mend()


@contextmanager
def slow(proxy: Proxy) -> Iterator[None]:
    """Half a second each way."""
    proxy.delay_s = 0.5
    yield
    proxy.delay_s = 0.0
