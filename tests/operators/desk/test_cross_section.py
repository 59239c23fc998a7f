"""What is told across instruments: plain definitions on NumPy, any order, a stop anywhere, holes and taints."""

from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators import native
from operators.config import MarketConfig
from operators.desk.cross_entries import ENTRIES, FEATURES, LEAST
from operators.desk.cross_section import CrossSection
from operators.desk.returns import KEPT
from schemas.results import Vector
from schemas.time import MINUTE
from tests.operators.desk.support import vector

NAMES = ("x:BTC/USDT", "x:DOGE/USDT", "x:ETH/USDT", "x:LTC/USDT", "x:SOL/USDT", "y:SOL/USDT")
BTC, DOGE, ETH, LTC, SOL, OTHER_SOL = NAMES
MARKET = MarketConfig(
    btc="x:BTC/USDT", eth="ETH/USDT", sol="SOL/USDT",
    sectors={"layer 1": ("ETH/USDT", "SOL/USDT", "x:DOGE/USDT", "LTC/USDT"), "alone": ("x:BTC/USDT",)},
)  # fmt: skip
Told = dict[str, dict[str, float | None]]
Closes = list[list[Vector]]


def walked(seed: int, count: int, names: tuple[str, ...] = NAMES) -> NDArray[np.float64]:
    """Prices that share a part of their moves: a row a close, a column a name."""
    random = np.random.default_rng(seed)
    common, own = random.standard_t(4, (count, 1)), random.standard_t(4, (count, len(names)))
    moves = 2e-3 * (common * np.linspace(1.0, 0.2, len(names)) + own * 0.6)
    moves[count // 2 : count // 2 + 25, 1] = -moves[count // 2 : count // 2 + 25, 0]  # comes apart from the first
    return 100.0 * np.exp(np.cumsum(moves, axis=0))


def closes(prices: NDArray[np.float64], names: tuple[str, ...] = NAMES) -> Closes:
    """The vectors of each close, as instruments would tell them."""

    def back(at: int, column: int, bars: int) -> float | None:
        return None if at < bars else float(prices[at, column] / prices[at - bars, column] - 1.0)

    return [
        [
            vector(
                at + 1,
                {"return_1": back(at, column, 1), "return_20": back(at, column, 20)},
                instrument_id=name,
            )
            for column, name in enumerate(names)
        ]
        for at in range(len(prices))
    ]


def test_there_is_no_strength_against_what_lost_everything() -> None:
    prices = walked(1, 25, (BTC, ETH))
    prices[-1, 0] = 1e-18 * prices[-21, 0]
    section = CrossSection(MINUTE, MARKET)
    for told in closes(prices, (BTC, ETH)):
        last = fed(section, told)
    assert last[ETH]["rs_btc_20"] is None


def fed(section: CrossSection, vectors: list[Vector]) -> Told:
    told = section.update(vectors[0].ts_close, vectors)
    return {
        name: dict(zip((f.name for f in FEATURES), values, strict=True)) for name, (values, _) in sorted(told.items())
    }


def section() -> CrossSection:
    return CrossSection(MINUTE, MARKET)


def corr(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.corrcoef(a, b)[0, 1])


PRICES = walked(1, 240)
CLOSES = closes(PRICES)


def test_every_close_equals_the_definitions() -> None:
    one = section()
    returns = PRICES[1:] / PRICES[:-1] - 1.0
    for at, vectors in enumerate(CLOSES):
        told = fed(one, vectors)
        last = returns[max(0, at - 60) : at]
        # DOGE is named in full, and nobody else is: it has no peers.
        peers = {ETH: (3, 4), SOL: (2, 3), LTC: (2, 4)}
        for column, name in enumerate(NAMES):
            found = told[name]
            wanted: dict[str, float | None] = dict.fromkeys(found) | {"members_gap": float(at == 0)}
            if at >= 1:
                wanted["dispersion"] = float(np.std(returns[at - 1]))
            if at >= 20:
                rise = PRICES[at] / PRICES[at - 20]
                wanted["return_20_rank"] = float(np.sum(rise < rise[column])) / (len(NAMES) - 1)
                if name != BTC:
                    wanted["rs_btc_20"] = rise[column] / rise[0] - 1.0
                if name in peers:
                    wanted["rs_sector_20"] = rise[column] / float(np.mean(rise[list(peers[name])])) - 1.0
            if at >= 60:
                wanted["corr_btc_eth_60"] = corr(last[:, 0], last[:, 2]) if name[0] == "x" else None
                wanted["corr_btc_sol_60"] = corr(last[:, 0], last[:, 4 if name[0] == "x" else 5])
                wanted["corr_eth_sol_60"] = corr(last[:, 2], last[:, 4]) if name[0] == "x" else None
                if name != BTC:
                    wanted["corr_btc_60"] = corr(last[:, column], last[:, 0])
                    wanted["beta_btc_60"] = float(np.polyfit(last[:, 0], last[:, column], 1)[0])
                if name in peers:
                    others = last[:, peers[name]].mean(axis=1)
                    wanted["corr_sector_60"] = corr(last[:, column], others)
                    wanted["beta_sector_60"] = float(np.polyfit(others, last[:, column], 1)[0])
            for feature, value in wanted.items():
                if not feature.startswith(("lead", "decorrelation")) and "shift" not in feature:  # see test_returns
                    assert found[feature] == (None if value is None else pytest.approx(value, rel=1e-9, abs=1e-12)), (
                        at, name, feature,
                    )  # fmt: skip


def test_each_becomes_known_when_it_says_and_keeps_to_its_range() -> None:
    one, ready = section(), dict[str, int]()
    for at, vectors in enumerate(CLOSES, 1):
        told = fed(one, vectors)[SOL]
        for feature in FEATURES:
            value = told[feature.name]
            if value is not None:
                ready.setdefault(feature.name, at)
                assert feature.low is None or value >= feature.low
                assert feature.high is None or value <= feature.high
    assert ready == {feature.name: feature.ready for feature in FEATURES}


def test_coming_apart_is_told_once() -> None:
    one = section()
    told = [fed(one, vectors)[DOGE] for vectors in CLOSES]
    events = [at for at, found in enumerate(told) if found["decorrelation_btc"]]
    apart = [at for at, found in enumerate(told) if (found["corr_btc_shift"] or 0.0) <= -3.0]
    assert apart
    assert events == [at for at in apart if at - 1 not in apart]
    assert 120 < events[0] < 146


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 120), st.integers(0, 1_000))
def test_order_and_restart_change_no_byte(cut: int, seed: int) -> None:
    random = Random(seed)  # noqa: S311, a shuffle
    one, other = section(), section()
    for at, vectors in enumerate(CLOSES[:150]):
        if at == cut:
            other, saved = section(), msgspec.msgpack.decode(msgspec.msgpack.encode(other.state()))
            other.restore(saved)
        told, shuffled = fed(one, vectors), fed(other, random.sample(vectors, len(vectors)))
        assert msgspec.json.encode(told) == msgspec.json.encode(shuffled)
    assert msgspec.msgpack.encode(one.state()) == msgspec.msgpack.encode(other.state())


def test_what_is_older_than_the_longest_window_is_forgotten() -> None:
    one, late = section(), section()
    for vectors in CLOSES:
        told = fed(one, vectors)
    for vectors in CLOSES[-KEPT - 1 :]:
        begun_late = fed(late, vectors)
    assert begun_late == told
    assert msgspec.msgpack.encode(late.state()) == msgspec.msgpack.encode(one.state())
    assert len(msgspec.msgpack.encode(one.state())) < len(NAMES) * 12 * KEPT


def without(vectors: list[Vector], *names: str) -> list[Vector]:
    return [one for one in vectors if one.instrument_id not in names]


def test_a_member_that_was_missing_begins_anew_and_so_does_its_sector() -> None:
    one, hole = section(), section()
    for at, vectors in enumerate(CLOSES[:200]):
        whole = fed(one, vectors)
        told = fed(hole, without(vectors, SOL) if 100 <= at < 103 else vectors)
        if at == 101:
            assert SOL not in told
        since = at - 103
        # At the close after, its return spans more than one bar: the first that counts is that of the next.
        assert (told.get(SOL, {}).get("corr_btc_60") is None) == (at < 60 or (at >= 100 and since < 60))
        # The sector's others lose one and get it back, each time another mean.
        assert (told[ETH]["corr_sector_60"] is None) == (at < 60 or (at >= 100 and since < 60))
        assert told[ETH]["corr_btc_60"] == whole[ETH]["corr_btc_60"]
    assert told == whole


def test_a_cross_section_that_lacks_a_member_is_tainted() -> None:
    """SOL is absent at 100, LTC is no member from 110 to 112; whose name is the first is told."""
    lacking = {
        "dispersion": {LTC: [110, 113], SOL: [100, 101]},
        "return_20_rank": {LTC: [110, *range(113, 133)], SOL: [*range(100, 121)]},
    }
    one = section()
    for at, vectors in enumerate(CLOSES[:160]):
        gone = [SOL] if at == 100 else [LTC] if 110 <= at < 113 else []
        told = one.update(vectors[0].ts_close, without(vectors, *gone), gone if at == 100 else [])
        wanted = {
            feature: f"{who[0]}: its return is not known"
            for feature, members in lacking.items()
            if (who := [name for name, closes in members.items() if at in closes])
        }
        assert all(tainted == wanted for _, tainted in told.values())


def test_a_close_that_nobody_was_told_of_is_a_hole_of_all() -> None:
    one = section()
    for at, vectors in enumerate(CLOSES[:150]):
        if at != 90:
            told = fed(one, vectors)
            assert (told[ETH]["corr_btc_60"] is None) == (at < 60 or 91 <= at < 151)


def test_a_return_that_is_not_known_is_a_hole() -> None:
    one = section()
    for at, vectors in enumerate(CLOSES[:160]):
        unknown = msgspec.structs.replace(vectors[2], features={**vectors[2].features, "return_1": None})
        told = fed(one, [*vectors[:2], unknown if at == 80 else vectors[2], *vectors[3:]])
        assert (told[ETH]["corr_btc_60"] is None) == (at < 60 or 80 <= at < 140)
        assert (told[SOL]["corr_btc_60"] is None) == (at < 60)


def test_a_tainted_return_taints_what_it_goes_into_for_as_long_as_it_is_in_it() -> None:
    one = section()
    until: dict[tuple[str, str], int] = {}
    reasons: set[tuple[str, str]] = set()
    for at, vectors in enumerate(CLOSES):
        if at in {100, 101}:  # what a loss in the bar of 100 taints in a vector: the memory of return_1 is 2
            lost = [
                msgspec.structs.replace(one, tainted={"return_1": "a hole"}) if one.instrument_id == ETH else one
                for one in vectors
            ]
        told = one.update(vectors[0].ts_close, lost if at in {100, 101} else vectors)
        for name, (values, tainted) in told.items():
            assert values[-1] == (at in {0, 100, 101})  # the flag, of all
            for feature, reason in tainted.items():
                until[name, feature] = at
                reasons.add((name, reason))
                assert at >= 100
    memory = {feature.name: feature.memory for feature in FEATURES}
    remember = [(f.name, source) for f, source in ENTRIES if f.name != "members_gap"]
    of = {name: {feature for feature, source in remember if source in sources} for name, sources in {
        ETH: ("btc", "sector", "majors", "all"), SOL: ("sector", "majors", "all"), OTHER_SOL: ("all",),
        BTC: ("majors", "all"),
    }.items()}  # fmt: skip
    for name, features in of.items():
        assert {feature for who, feature in until if who == name} == features
        assert {feature: at - 99 for (who, feature), at in until.items() if who == name} == {
            feature: memory[feature] for feature in features
        }
    assert reasons == {(name, "a hole" if name == ETH else f"{ETH}: a hole") for name in NAMES} | {
        (ETH, f"{ETH}: a hole")
    }


def test_alone_there_is_nothing_to_compare_with() -> None:
    one = section()
    for vectors in CLOSES:
        told = fed(one, [vectors[0]])
    assert told[BTC] == {**dict.fromkeys(told[BTC]), "members_gap": 0.0}


@pytest.mark.parametrize("count", [LEAST - 1, LEAST])
def test_a_few_are_no_cross_section(count: int) -> None:
    one = section()
    for vectors in CLOSES[:30]:
        told = fed(one, vectors[:count])
    assert (told[BTC]["dispersion"] is None) == (told[BTC]["return_20_rank"] is None) == (count < LEAST)


def test_equals_share_their_rank() -> None:
    one = section()
    prices = np.repeat(walked(4, 30)[:, :1], 4, axis=1)
    for vectors in closes(prices, NAMES[:4]):
        told = fed(one, vectors)
    assert {found["return_20_rank"] for found in told.values()} == {0.5}
    assert told[ETH]["dispersion"] == 0.0
    assert told[ETH]["rs_btc_20"] == 0.0


def test_market_config_refuses_an_instrument_in_two_sectors() -> None:
    sectors: dict[str, Any] = {"a": ("X/Y",), "b": ("Z/Y", "X/Y")}
    with pytest.raises(Exception, match="sectors: X/Y is in a and in b, one is allowed"):
        MarketConfig(sectors=sectors)


@pytest.mark.skipif(not native.BUILT, reason="nothing is compiled on this machine")
@pytest.mark.parametrize("leap", [1.0, 40.0, 900.0, 3_000.0])
def test_compiled_sums_say_what_python_says_and_give_way_to_it(leap: float) -> None:
    prices = walked(4, 200)
    prices[120:, 1] *= leap
    compiled, plain = section(), CrossSection(MINUTE, MARKET, native=False)
    for number, vectors in enumerate(closes(prices)):
        assert repr(fed(compiled, vectors)) == repr(fed(plain, vectors))
        assert msgspec.msgpack.encode(compiled.state()) == msgspec.msgpack.encode(plain.state())
        if number == 130:  # a restart while the leap is remembered
            packed, compiled = msgspec.msgpack.encode(compiled.state()), section()
            compiled.restore(msgspec.msgpack.decode(packed))
