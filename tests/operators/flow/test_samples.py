"""The book's imbalance at its samples, beside the samples that were sent."""

import msgspec
import pytest

from operators.flow.samples import ImbalanceMeter, SamplesPart
from schemas.results import Absence, BookSample, Vector
from schemas.topics import Outgoing
from tests.data import needs_data
from tests.operators.flow.support import TAPES, recorded
from tests.operators.support import told

NAMES = ("obi_10_mean", "obi_10_min", "obi_10_max")


@needs_data
@pytest.mark.parametrize("name", TAPES)
def test_on_real_tapes(name: str) -> None:
    """Of the samples that were sent between two vectors."""
    sampled: list[float] = []
    compared = 0
    for sent in recorded(name).out:
        if not isinstance(sent, Outgoing):
            continue
        if sent.topic == "features.books":
            sample = msgspec.json.decode(sent.value, type=BookSample)
            if sample.imbalance is not None and len(sample.bid_prices) == 10 == len(sample.ask_prices):
                sampled.append(sample.imbalance)
        if any(absence.timeframe == "1m" for absence in told([sent], Absence)):
            sampled = []
        for vector in told([sent], Vector):
            if vector.timeframe == "1m":
                wanted = [sum(sampled) / len(sampled), min(sampled), max(sampled)]
                assert [vector.features[name] for name in NAMES] == pytest.approx(wanted, rel=1e-9)
                sampled = []
                compared += 1
    assert compared >= 4


def test_parts_add_up_and_nothing_sampled_is_nothing_known() -> None:
    meter, again = ImbalanceMeter(), ImbalanceMeter()
    meter.add(0.5)
    first = meter.take()
    meter.add(-0.25)
    again.restore(meter.state())
    for one in (meter, again):
        one.add(0.75)
    second = meter.take()
    assert first is not None
    assert second is not None
    assert second == again.take()
    assert first.plus(second) == SamplesPart(3, 1.0, -0.25, 0.75)
    assert meter.take() is None
