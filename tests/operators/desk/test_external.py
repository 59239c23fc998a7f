"""External metrics and the macro calendar: in force from when they were known, by plain definitions on NumPy."""

from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.closed import Reading, Told
from operators.config import DeskConfig
from operators.desk.desk import Desk
from operators.desk.external import FEATURES, External
from schemas.layouts import Layout
from schemas.market import CONTROL, Activation, ExternalMetric, MacroEvent
from schemas.results import Context
from schemas.time import DAY, HOUR
from tests.operators.desk.support import CALM, closed, standing, vector
from tests.operators.support import ID, START

ETH = "binanceusdm:ETH/USDT:USDT"


def reading(
    published: int, value: float, *, received: int | None = None, asset: str | None = None, metric: str = "fear_greed"
) -> Reading:
    """As the control key tells it; times in ns after `START`."""
    record = ExternalMetric(
        instrument_id=CONTROL, ts_event=START + published, value=value, asset=asset,
        metric=metric,  # type: ignore[arg-type]  # a text that is one of them
        ts_received=START + (published if received is None else received),
    )  # fmt: skip
    return Reading(max(record.ts_event, record.ts_received), record)


def event(announced: int, name: str, scheduled: int, **more: Any) -> Reading:
    record = MacroEvent(
        instrument_id=CONTROL, ts_event=START + announced, ts_received=START + announced, name=name,
        ts_scheduled=START + scheduled, **more,
    )  # fmt: skip
    return Reading(record.ts_event, record)


def at(external: External, ts: int, instrument_id: str = ID) -> dict[str, float | None]:
    external.move(START + ts)
    return dict(zip((f.name for f in FEATURES), external.values(instrument_id, START + ts), strict=True))


def give(external: External, one: Reading) -> None:
    assert not isinstance(one.record, Activation)
    external.add(one.known, one.record)


def told(*readings: Reading) -> External:
    external = External(life=2 * DAY)
    for one in readings:
        give(external, one)
    return external


def test_what_nobody_has_told_is_not_known() -> None:
    assert set(at(told(), DAY).values()) == {None}


def test_never_before_it_was_published_and_received() -> None:
    external = told(reading(HOUR, 20.0, received=3 * HOUR), reading(5 * HOUR, 30.0))
    assert at(external, 3 * HOUR - 1)["fear_greed"] is None
    assert (at(external, 3 * HOUR)["fear_greed"], at(external, 3 * HOUR)["fear_greed_age"]) == (20.0, 2.0)
    assert at(external, 5 * HOUR - 1)["fear_greed"] == 20.0
    assert (at(external, 5 * HOUR)["fear_greed"], at(external, 5 * HOUR)["fear_greed_age"]) == (30.0, 0.0)


def test_older_news_says_nothing_and_the_same_time_again_is_a_correction() -> None:
    external = told(reading(10, 1.0), reading(20, 2.0), reading(10, 9.0, received=30), reading(20, 3.0, received=40))
    assert at(external, 30)["fear_greed"] == 2.0
    assert at(external, 40)["fear_greed"] == 3.0


def test_the_score_is_against_the_readings_before() -> None:
    values = np.random.default_rng(8).normal(50.0, 9.0, 80).clip(0, 100)
    external = External(life=2 * DAY)
    for day, value in enumerate(values):
        give(external, reading(day * DAY, float(value)))
        before = values[max(0, day - 30) : day]
        wanted = None if len(before) < 10 else (value - before.mean()) / before.std()
        assert at(external, day * DAY)["fear_greed_z"] == (wanted and pytest.approx(wanted, rel=1e-9))
    assert len(external.series["fear_greed "].before) == 30


def test_a_series_that_stands_still_has_no_score() -> None:
    external = told(*[reading(day * DAY, 50.0) for day in range(20)])
    assert at(external, 19 * DAY)["fear_greed_z"] is None


def test_what_is_told_no_longer_goes_out_of_force_and_its_age_goes_on() -> None:
    external = told(*[reading(n, float(n)) for n in range(12)])
    last = at(external, 2 * DAY + 11)
    assert (last["fear_greed"], last["fear_greed_age"]) == (11.0, 48.0)
    assert last["fear_greed_z"] is not None
    gone = at(external, 2 * DAY + 12)
    assert (gone["fear_greed"], gone["fear_greed_z"]) == (None, None)
    assert gone["fear_greed_age"] is not None


def test_of_its_own_asset_before_that_of_none() -> None:
    external = told(
        reading(1, 5.0, metric="exchange_netflow"), reading(2, -7.0, metric="exchange_netflow", asset="ETH")
    )
    assert (at(external, 3)["exchange_netflow"], at(external, 3, ETH)["exchange_netflow"]) == (5.0, -7.0)
    assert at(external, 3, "sim:ETH/USDT")["exchange_netflow"] == -7.0


def test_the_calendar_is_known_from_its_announcement_on() -> None:
    external = told(
        event(HOUR, "CPI", 10 * HOUR), event(2 * HOUR, "FOMC", 6 * HOUR), event(7 * HOUR, "CPI", 12 * HOUR),
        event(8 * HOUR, "NFP", 9 * HOUR), event(8 * HOUR + 1, "NFP", 9 * HOUR, cancelled=True),
    )  # fmt: skip
    hours = {hour: at(external, hour * HOUR) for hour in range(14)}
    found = {hour: (known["macro_next"], known["macro_since"]) for hour, known in hours.items()}
    assert found[0] == (None, None)
    assert found[1] == (9.0, None)
    assert found[2] == (4.0, None)
    assert found[6] == (4.0, 0.0)  # the other one, and this one now
    assert found[7] == (5.0, 1.0)
    assert found[8] == (1.0, 2.0)
    assert found[9] == (3.0, 3.0)  # cancelled: it has not been
    assert found[13] == (None, 1.0)


def test_memory_is_bounded() -> None:
    external = External(life=DAY)
    for n in range(10_050):
        give(external, reading(n, 1.0, asset=f"A{n}"))
    for n in range(1_050):
        give(external, event(n, f"E{n}", DAY + n))
    external.move(START + HOUR)
    assert (len(external.series), len(external.coming), external.waiting) == (10_000, 1_000, [])
    assert min(external.series.values(), key=lambda one: one.ts).ts == START + 50
    assert max(external.coming.values()) == START + DAY + 999


def contexts(desk: Desk, records: list[Told]) -> list[Context]:
    out = desk.on_batch(records)
    return [msgspec.json.decode(one.value, type=Context) for one in out if one.topic == "features.context"]


def streams() -> tuple[list[Told], list[Told]]:
    """What an instrument tells, and what the control key tells, of twenty minutes."""
    closes: list[Told] = [closed(vector(minute, CALM)) for minute in range(1, 21)]
    control: list[Told] = []
    for minute in range(1, 21):
        control += [reading((60 * minute - 20) * 10**9, float(minute)), standing(minute, ID)]
        if minute % 7 == 0:
            control.append(event((60 * minute - 1) * 10**9, f"E{minute}", 60 * (minute + 3) * 10**9))
            control[-2:] = control[:-3:-1]  # before the close that it counts at
    return closes, control


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.integers(0, 80))
def test_how_late_the_desk_is_and_where_it_was_restarted_changes_nothing(seed: int, cut: int) -> None:
    random = Random(seed)  # noqa: S311, an order of arrival
    closes, control = streams()
    whole = contexts(Desk(DeskConfig()), [*control, *closes])
    assert [one.features["fear_greed"] for one in whole] == [float(minute) for minute in range(1, 21)]
    desk, found = Desk(DeskConfig()), list[Context]()
    for step in range(len(closes) + len(control)):
        if step == cut:
            desk = Desk.restored(desk.state(), DeskConfig())
        queue = random.choice([queue for queue in (closes, control) if queue])
        found += contexts(desk, [queue.pop(0)])
    assert found == whole


def test_a_state_of_before_there_were_metrics_goes_on() -> None:
    desk = Desk(DeskConfig())
    desk.on_batch([standing(5, ID), closed(vector(1, CALM))])
    state = msgspec.msgpack.decode(desk.state()[4:])[2]
    del state["external"]
    again = Desk.restored(Layout("desk", 3).seal(state), DeskConfig())
    records: list[Told] = [reading(61 * 10**9, 50.0), closed(vector(2, CALM))]
    assert [one.features["fear_greed"] for one in contexts(again, records)] == [50.0]
    assert again.contexts.external.life == 2 * DAY
