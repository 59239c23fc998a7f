"""VPIN beside its plain definition: cumulative volumes, cut where the buckets end."""

import msgspec
import numpy as np
import pytest

from operators.bars import OpenBar
from operators.errors import OperatorError
from operators.flow.vpin import Vpin
from schemas.time import DAY, HOUR, MILLISECOND, MINUTE
from tests.data import needs_data
from tests.operators.indicators.support import real
from tests.operators.support import START, exchange_bar, run, vectors

LENGTH = 5 * MINUTE


def bar(ts_open: int, volume: float, bought: float | None) -> OpenBar:
    made = OpenBar(ts_open)
    made.trades, made.volume = 1, volume
    if bought is not None:
        made.buy_volume, made.sell_volume = bought, volume - bought
    return made


@needs_data
def test_every_prefix_of_real_bars_equals_the_plain_definition() -> None:
    """Within a session what was bought and sold are functions of the volume so far, straight within a bar."""
    series = real("BTCUSDT", 5_000)
    share = (series.close - series.low) / (series.high - series.low)
    opens = np.array(series.ts_ms) * MILLISECOND
    days = opens // DAY
    vpin, full = Vpin(), dict[int, list[tuple[float, float]]]()
    compared = 0
    for at, ts_open in enumerate(opens.tolist()):
        volume = float(series.volume[at])
        vpin.update(bar(ts_open, volume, volume * float(share[at])), ts_open + LENGTH)
        day = ts_open // DAY
        so_far = days[: at + 1] == day
        if day - 1 > days[0]:
            size = series.volume[days == day - 1].sum() / 50
            volumes = np.concatenate([[0.0], np.cumsum(series.volume[: at + 1][so_far])])
            delta = series.volume[: at + 1][so_far] * (2 * share[: at + 1][so_far] - 1)
            edges = np.arange(int(volumes[-1] / size * (1 + 1e-12)) + 1) * size
            cut = np.interp(edges, volumes, np.concatenate([[0.0], np.cumsum(delta)]))
            full[day] = [(imbalance, size) for imbalance in np.abs(np.diff(cut)).tolist()]
        last = (full.get(day - 1, []) + full.get(day, []))[-50:]
        if len(last) < 25:
            assert vpin.value is None
        else:
            assert vpin.value == pytest.approx(sum(x for x, _ in last) / sum(x for _, x in last), rel=1e-9)
            compared += 1
    assert compared > 400


def walked(hours: int, begin: int = START) -> list[OpenBar]:
    rng = np.random.default_rng(hours)
    volumes = rng.uniform(0.0, 3.0, hours) * rng.integers(0, 2, hours)
    return [
        bar(begin + at * HOUR, volume, volume * part)
        for at, (volume, part) in enumerate(zip(volumes.tolist(), rng.uniform(0, 1, hours).tolist(), strict=True))
    ]


def test_a_start_at_any_time_ends_up_at_the_same_value() -> None:
    bars = walked(24 * 8)
    for late in (1, 30, 24 * 4 + 23):
        whole, begun = Vpin(10), Vpin(10)
        for at, one in enumerate(bars):
            whole.update(one, one.ts_open + HOUR)
            if at >= late:
                begun.update(one, one.ts_open + HOUR)
            if at // 24 >= late // 24 + 4:
                assert begun.value == whole.value is not None


def test_restored_at_every_bar_it_goes_on_to_the_bit() -> None:
    vpin, again = Vpin(10), Vpin(10)
    for one in walked(24 * 4):
        again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(vpin.state())))
        for meter in (vpin, again):
            meter.update(one, one.ts_open + HOUR)
        assert again.state() == vpin.state()
        assert again.value == vpin.value


def test_one_side_only_is_one_and_a_balance_is_zero() -> None:
    for part, wanted in ((1.0, 1.0), (0.0, 1.0), (0.5, 0.0)):
        vpin = Vpin()
        for at in range(24 * 4):
            vpin.update(bar(START + at * HOUR, 2.0, 2.0 * part), START + (at + 1) * HOUR)
        assert vpin.value == pytest.approx(wanted)


def test_a_bar_of_many_buckets_fills_all_of_them() -> None:
    vpin = Vpin(5)
    for at in range(24 * 2 - 1):
        vpin.update(bar(START + at * HOUR, 1.0, 0.5), START + (at + 1) * HOUR)
    vpin.update(bar(START + 47 * HOUR, 1e12, 1e12), START + 48 * HOUR)
    assert vpin.value == 1.0
    assert len(vpin._full) == 5


def test_what_is_not_known_is_in_no_bucket() -> None:
    bars = walked(24 * 8)
    for at, missing in ((100, None), (100, bar(bars[100].ts_open, 2.0, None))):
        vpin, known = Vpin(10), []
        for number, one in enumerate(bars):
            vpin.update(missing if number == at else one, one.ts_open + HOUR)
            known.append(vpin.value is not None)
        assert known[at - 1]
        assert not known[at]
        assert known[-1]


def test_whole_bars_make_it_too() -> None:
    """A bar of an hour is spread over buckets like its minutes, if they are alike."""
    hours = [exchange_bar(3_600 * i, 100.0, timeframe="1h", volume=6.0, buy_volume=4.5) for i in range(1, 24 * 4)]
    assert vectors(run(hours), "1h")[-1].features["vpin"] == pytest.approx(0.5)


def test_there_is_at_least_one_bucket() -> None:
    with pytest.raises(OperatorError, match="buckets = 0: must be at least 1"):
        Vpin(0)


@pytest.mark.parametrize("times", [60, 1e6, 1e17, 1e34])
def test_a_bar_of_many_sessions_volume_fills_every_bucket_once(times: float) -> None:
    """However far beyond a bucket it is that rounding would be many of them."""
    vpin = Vpin(10)
    for one in walked(24):
        vpin.update(one, one.ts_open + HOUR)
    vpin.update(bar(START + DAY, 1.5 * times, 1.2 * times), START + DAY + HOUR)
    assert vpin.value == pytest.approx(0.6, rel=1e-12)
