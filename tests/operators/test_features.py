"""The catalogue, the vector, and how long a loss taints what."""

import msgspec
import pytest

from operators.bars import OpenBar
from operators.errors import StateError
from operators.features import CATALOGUE, SCHEMA_HASH, FeatureSet, Moment, Taints
from schemas.time import DAY, MINUTE
from tests.operators.support import START, exchange_bar


def filled(features: FeatureSet, count: int) -> None:
    for i in range(1, count + 1):
        features.update(OpenBar.of(exchange_bar(60 * i, 100.0 + i % 5)))


def test_a_vector_holds_the_catalogue_in_its_order() -> None:
    assert list(FeatureSet().take(Moment())) == [feature.name for feature in CATALOGUE]
    assert len({feature.name for feature in CATALOGUE}) == len(CATALOGUE)


def test_not_ready_is_not_zero() -> None:
    assert set(FeatureSet().take(Moment()).values()) == {None}


def test_each_becomes_known_when_it_is_ready() -> None:
    features = FeatureSet()
    ready: dict[str, int] = {}
    for i in range(1, 60):
        features.add_flow(1.0)
        features.update(OpenBar.of(exchange_bar(60 * i, 100.0 + i)))
        for name, value in features.take(Moment()).items():
            if value is not None:
                ready.setdefault(name, i)
    assert ready == {
        "ofi": 1, "tfi": 1, "vwap": 1, "cvd": 1, "atr_14": 15, "rsi_14": 15, "ema_20": 20, "ema_50": 50,
    }  # fmt: skip


def test_flow_is_summed_over_the_bar_and_begins_anew() -> None:
    features = FeatureSet()
    features.add_flow(2.0)
    features.add_flow(None)
    features.add_flow(-5.0)
    assert features.take(Moment())["ofi"] == -3.0
    assert features.take(Moment())["ofi"] is None
    features.add_flow(0.0)
    assert features.take(Moment())["ofi"] == 0.0


def test_sides_that_are_not_told_are_not_balanced() -> None:
    features = FeatureSet()
    features.update(OpenBar.of(exchange_bar(60, 100.0, volume=0.1, buy_volume=0.08)))
    known = features.take(Moment())
    assert known["tfi"] == pytest.approx(0.6)
    assert known["cvd"] == pytest.approx(0.06)
    features.update(OpenBar.of(exchange_bar(120, 100.0, buy_volume=None)))
    unknown = features.take(Moment())
    assert (unknown["tfi"], unknown["cvd"]) == (None, None)


def test_an_empty_bar_leaves_the_delta_as_it_is() -> None:
    features = FeatureSet()
    features.update(OpenBar.of(exchange_bar(60, 100.0, volume=10.0, buy_volume=8.0)))
    empty = OpenBar(START + MINUTE)
    empty.empty(100.0)
    features.update(empty)
    assert features.take(Moment())["cvd"] == 6.0


def test_restored_it_goes_on_as_before() -> None:
    for cut in (0, 7, 14, 30, 55):
        features, again = FeatureSet(), FeatureSet()
        features.add_flow(1.5)
        filled(features, cut)
        again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(features.state())))
        for one in (features, again):
            filled(one, 60)
        assert again.take(Moment()) == features.take(Moment())


def test_the_state_of_another_catalogue_is_refused() -> None:
    state = FeatureSet().state()
    with pytest.raises(StateError, match=f"schema abc, this program's catalogue is {SCHEMA_HASH}"):
        FeatureSet().restore(["abc", *state[1:]])


class TestTaints:
    def test_each_feature_is_tainted_as_long_as_it_remembers(self) -> None:
        taints = Taints()
        taints.mark("trades", START + 90 * MINUTE // 60, "a hole")  # 1.5 minutes in
        clean_from: dict[str, int] = {}
        for i in range(1, 1_600):
            tainted = taints.of("1m", START + i * MINUTE)
            if i == 1:
                assert set(tainted.values()) == {"a hole"}
            for feature in CATALOGUE:
                if feature.name not in tainted:
                    clean_from.setdefault(feature.name, i)
        remembers = {name: first for name, first in clean_from.items() if first > 1}
        assert remembers == {
            "tfi": 3, "ema_20": 49, "ema_50": 118, "rsi_14": 65, "atr_14": 65, "vwap": 1_441, "cvd": 1_441,
        }  # fmt: skip

    def test_less_than_a_hundredth_of_an_average_is_older_than_its_memory(self) -> None:
        memories = {feature.name: feature.memory for feature in CATALOGUE}
        for name, alpha in (("ema_20", 2 / 21), ("ema_50", 2 / 51), ("rsi_14", 1 / 14), ("atr_14", 1 / 14)):
            bars = memories[name]
            assert isinstance(bars, int)
            assert (1 - alpha) ** bars <= 0.01 < (1 - alpha) ** (bars - 1)

    def test_a_session_ends_with_its_day(self) -> None:
        taints = Taints()
        taints.mark("trades", START + 5, "x")
        assert "vwap" in taints.of("1d", START + DAY)
        assert "vwap" not in taints.of("1m", START + DAY + MINUTE)

    def test_inputs_taint_what_is_made_of_them(self) -> None:
        taints = Taints()
        taints.mark("quotes", START + 2, "q")
        assert set(taints.of("1m", START)) >= {"spread", "microprice", "ofi"}
        assert set(taints.of("1m", START + MINUTE)) == {"ofi"}
        taints = Taints()
        taints.mark("book", START + 2, "b")
        assert set(taints.of("1m", START)) == {"obi_1", "obi_5", "obi_10", "obi_20"}
        taints.mark("derivatives", START + 3, "d")
        assert {"funding_rate", "basis_bps"} <= set(taints.of("1m", START))

    def test_the_latest_loss_counts(self) -> None:
        taints = Taints()
        taints.mark("quotes", START + 9, "later")
        taints.mark("quotes", START + 5, "earlier")
        assert taints.of("1m", START + MINUTE) == {"ofi": "later"}

    def test_restored(self) -> None:
        taints, again = Taints(), Taints()
        taints.mark("quotes", START + 9, "later")
        again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(taints.state())))
        assert again.of("1m", START) == taints.of("1m", START) != {}
