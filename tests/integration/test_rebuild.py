"""Where an engine without a state begins, as a real broker has its log and results."""

import logging
from collections.abc import Callable

import pytest

from flows.errors import FlowError
from flows.settings import KafkaSettings, Settings
from flows.state.manifest import Bridge
from flows.state.rebuild import begin
from schemas.codec import encode
from schemas.time import HOUR, MINUTE, SECOND
from schemas.topics import LOG
from sinks.clients import admin
from sinks.gate import Past
from sinks.topics import create_topics
from tests.integration.kafka_broker import KafkaBroker
from tests.kafka_tools import put, trim

pytestmark = pytest.mark.integration

START = 1_723_161_600 * SECOND
TEN_PAST = START + 10 * MINUTE


@pytest.fixture
def settings(brokers: Callable[[], KafkaBroker]) -> Settings:
    """A log of one record a second for half an hour, and vectors of its first ten minutes, one instrument silent."""
    broker = brokers()
    create_topics(admin(broker.client), partitions=1, replication=1, keep=True)
    put(broker.client, ((b"a", b"{}", 0, (START + n * SECOND) // 1_000_000) for n in range(1_800)), LOG)
    closes = [(b"gone", START - 2 * HOUR)]
    closes += [(key, START + n * MINUTE) for n in range(1, 11) for key in (b"a", b"b") if key == b"a" or n < 10]
    vectors = ((key, encode({"ts_close": close}), 0, close // 1_000_000) for key, close in closes)
    put(broker.client, [(b"tape[0]", b"{}", 0, 0)], "dead_letters")
    put(broker.client, vectors, "features.vectors")
    return Settings(kafka=KafkaSettings(bootstrap=broker.bootstrap))


def test_from_the_beginning_a_time_or_an_offset(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    whole, ends = Past(whole=True), {0: 1_800}
    late = Past(whole=False, decided_to=START + 9 * MINUTE)  # the last close of which all are there
    assert begin(settings, None).bridge is None
    assert begin(settings, "earliest").bridge == Bridge(ends=ends, past=whole)
    assert begin(settings, "2000-01-01").bridge == Bridge(ends=ends, past=whole)
    for asked, start in (("120", 120), ("2024-08-09T00:05:00Z", 300), ("2030-01-01", 1_800)):
        begun = begin(settings, asked)
        assert begun.starts == {0: start}
        assert begun.bridge == Bridge(ends=ends, past=late, late=True)
    assert [record.levelno for record in caplog.records if "are missing" in record.message] == [logging.WARNING]
    with pytest.raises(FlowError, match=r"--rebuild-from 1801: market.events\[0\] holds offsets 0 to 1800"):
        begin(settings, "1801")


def test_what_ingesters_could_not_read_is_no_result(brokers: Callable[[], KafkaBroker]) -> None:
    broker = brokers()
    create_topics(admin(broker.client), partitions=1, replication=1, keep=True)
    put(broker.client, [(b"tape[0]", b"{}", 0, 0)], "dead_letters")
    assert begin(Settings(kafka=KafkaSettings(bootstrap=broker.bootstrap)), None, alike=False).fresh


def test_results_of_others_are_not_mixed_with_those_that_would_be_ours(settings: Settings) -> None:
    """What this program makes of the past differs from them, and nobody wants to read of it now."""
    with pytest.raises(FlowError, match="not all of them are known to be of this program and these settings"):
        begin(settings, None, alike=False)
    past = Past(whole=False, decided_to=START + 9 * MINUTE)
    assert begin(settings, "earliest", alike=False).bridge == Bridge(ends={0: 1_800}, past=past)


def test_without_being_told_only_where_results_come_again_as_they_were(settings: Settings) -> None:
    trim({"bootstrap.servers": settings.kafka.bootstrap}, LOG, 60)
    with pytest.raises(FlowError, match="holds no state, but there are results, and what led to them is not all"):
        begin(settings, None)
    assert begin(settings, "earliest").starts == {0: 60}
