import time
from collections.abc import Iterator
from math import exp
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from api.config import ApiConfig
from flows.shelf import RegistryShelf
from models.registry import Registry
from schemas.cards import CurveBin
from schemas.identifiers import derive
from schemas.results import Bar
from schemas.time import HOUR, MINUTE, SECOND, TIMEFRAME_NS, to_text
from tests.api.conftest import MINUTES, market_in
from tests.api.market import BTC, ETH, SPOT, book, daily, definition, drifted, fill, history, signal
from tests.api.serving import running
from tests.models.catalogue import CATALOGUE
from tests.models.trees import trained

TIMES = "allowed: nanoseconds since 1970 or ISO 8601, 2009 to 2100, as 2024-08-09T03:00:00Z"


@pytest.fixture(scope="module", params=["timescale", "embedded"])
def api(request: pytest.FixtureRequest, until: int) -> Iterator[httpx.Client]:
    """The API over the same market in each kind of database."""
    with (
        market_in(request.getfixturevalue(request.param).dsn, until) as dsn,
        running(ApiConfig(dsn=dsn, port=0)) as address,
        httpx.Client(base_url=address) as client,
    ):
        yield client


def get(api: httpx.Client, path: str, **query: object) -> Any:
    answer = api.get(path, params={name: str(value) for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_instruments_tell_their_definition_and_how_far_their_data_reaches(api: httpx.Client, until: int) -> None:
    items = get(api, "/instruments")["items"]
    assert [item["instrument_id"] for item in items] == sorted([BTC, ETH, SPOT])
    first = items[0]
    assert first["definition"]["tick_size"] == 0.01
    assert first["timeframes"][:3] == ["1m", "5m", "15m"]
    assert first["newest_close"] == until // MINUTE * MINUTE
    assert first["newest_close_time"] == to_text(until // MINUTE * MINUTE)
    assert until - 2 * SECOND < first["newest_book"] <= until
    assert first["stale"] is False


@pytest.mark.parametrize("path", [f"/bars/{BTC}", f"/bars/{BTC.replace('/', '%2F').replace(':', '%3A')}"])
def test_bars_come_newest_first_whatever_way_the_symbol_is_written(api: httpx.Client, until: int, path: str) -> None:
    page = get(api, path, limit=3)
    newest = until // MINUTE * MINUTE
    assert [bar["ts_close"] for bar in page["items"]] == [newest, newest - MINUTE, newest - 2 * MINUTE]
    assert {bar["instrument_id"] for bar in page["items"]} == {BTC}
    assert page["items"][0]["time"] == to_text(newest)


@pytest.mark.parametrize("timeframe", ["1m", "5m", "1h"])
def test_paging_bars_gives_each_once(api: httpx.Client, timeframe: str, until: int) -> None:
    closes: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = get(api, f"/bars/{ETH}", timeframe=timeframe, limit=7, **cursor)
        closes += [bar["ts_close"] for bar in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert closes == sorted({*closes}, reverse=True)
    step = TIMEFRAME_NS[timeframe]  # type: ignore[index]  # a text among its keys
    first = until // MINUTE * MINUTE - MINUTES * MINUTE
    assert len(closes) == until // step - first // step


def test_since_and_until_are_read_as_ns_and_as_text_and_bound_the_close(api: httpx.Client, until: int) -> None:
    last = until // MINUTE * MINUTE
    first = last - 5 * MINUTE
    for since, before in ((first, last), (to_text(first), to_text(last))):
        items = get(api, f"/bars/{BTC}", since=since, until=before)["items"]
        assert [bar["ts_close"] for bar in items] == [last - n * MINUTE for n in range(1, 6)]


def test_a_bar_is_shown_in_its_latest_revision_only(store: str, until: int) -> None:
    def revision(number: int, close: float) -> Bar:
        ts_close = until // MINUTE * MINUTE
        return Bar(
            id=derive("bar", BTC, "1m", ts_close, number), instrument_id=BTC, timeframe="1m", ts_open=ts_close - MINUTE,
            ts_close=ts_close, ts_decided=until, revision=number, open=1.0, high=9.0, low=1.0, close=close, volume=1.0,
            notional=1.0, trades=1, buy_volume=1.0, sell_volume=0.0,
        )  # fmt: skip

    fill(store, [definition(BTC, until), *(("features.bars", revision(n, 1.0 + n)) for n in (0, 2, 1))])
    with running(ApiConfig(dsn=store, port=0)) as address, httpx.Client(base_url=address) as api:
        page = get(api, f"/bars/{BTC}", limit=1)
    assert [(bar["revision"], bar["close"]) for bar in page["items"]] == [(2, 3.0)]
    assert page["next"] is None


def test_signals_can_be_chosen(api: httpx.Client) -> None:
    everything = get(api, "/signals", limit=500)["items"]
    assert {one["instrument_id"] for one in everything} == {BTC, ETH, SPOT}
    assert {one["status"] for one in everything} == {"published"}
    keys = [(one["ts_event"], one["id"]) for one in everything]
    assert keys == sorted(keys, reverse=True)

    mine = get(api, f"/signals/{BTC}", limit=500)["items"]
    assert mine == [one for one in everything if one["instrument_id"] == BTC]
    for query in ({"direction": "long"}, {"timeframe": "5m"}, {"strategy": "confluence"}, {"strategy": "other"}):
        (name, value) = next(iter(query.items()))
        chosen = get(api, "/signals", limit=500, **query)["items"]
        assert chosen == [one for one in everything if one[name] == value]
    sure = get(api, "/signals", limit=500, min_confidence=0.7)["items"]
    assert sure == [one for one in everything if one["confidence"] >= 0.7]
    newer = get(api, "/signals", since=everything[-1]["ts_event"] + 1000, limit=500)["items"]
    assert newer == [one for one in everything if one["ts_event"] > everything[-1]["ts_event"]]


def test_candidates_are_all_and_the_vetoed_say_why(api: httpx.Client) -> None:
    candidates = get(api, f"/signals/{BTC}", status="candidates", limit=500)["items"]
    vetoed = get(api, f"/signals/{BTC}", status="vetoed", limit=500)["items"]
    published = get(api, f"/signals/{BTC}", limit=500)["items"]
    assert {one["id"] for one in candidates} == {one["id"] for one in [*vetoed, *published]}
    assert vetoed
    assert all(one["vetoes"] for one in vetoed)
    assert sum(factor["contribution"] for factor in candidates[0]["key_factors"]) == pytest.approx(0.57)


def test_features_hold_what_was_asked_for_and_say_why_there_is_none(api: httpx.Client) -> None:
    items = get(api, f"/features/{BTC}", names="rsi_14, obi_10", limit=200)["items"]
    vectors = [item for item in items if item["type"] == "vector"]
    assert all(set(vector["features"]) == {"rsi_14", "obi_10"} for vector in vectors)
    assert any(vector["tainted"] == {"obi_10": "book_sequence"} for vector in vectors)
    absences = [item for item in items if item["type"] == "absence"]
    assert all(item["reason"] == "nobody listened" for item in absences)
    assert len(vectors) + len(absences) == 200
    assert get(api, f"/features/{BTC}", limit=1)["items"][0]["features"]["vwap"] is None

    refused = api.get(f"/features/{BTC}", params={"names": "rsi_14,rsi"})
    assert refused.status_code == 422
    assert refused.json()["error"].startswith(
        "names = 'rsi': no such feature here; there are ema_20, ema_50, liq_above_bps"
    )


def test_features_hold_those_of_the_context_if_asked(api: httpx.Client) -> None:
    plain = get(api, f"/features/{BTC}", limit=200)["items"]
    whole = get(api, f"/features/{BTC}", limit=200, context=True)["items"]
    assert [one["type"] for one in whole] == [one["type"] for one in plain]
    for one, other in zip(whole, plain, strict=True):
        if one["type"] == "vector":
            fear = 40.0 + one["ts_close"] // MINUTE % 7
            assert one["features"] == other["features"] | {"fear_greed": fear, "dispersion": None}
            assert one["tainted"] == other["tainted"] | {"dispersion": "one: its return is not known"}
    (one, *_) = get(api, f"/features/{BTC}", names="rsi_14,fear_greed", context=True)["items"]
    assert set(one["features"]) == {"rsi_14", "fear_greed"}


def test_a_book_is_the_newest_sample_and_what_came_before(api: httpx.Client, until: int) -> None:
    answer = get(api, f"/books/{ETH}", samples=30)
    latest, series = answer["latest"], answer["series"]
    assert latest["ts_event"] == series[0]["ts_event"]
    assert series[0]["mid"] == (latest["bid_prices"][0] + latest["ask_prices"][0]) / 2
    assert latest["bid_prices"][0] < latest["ask_prices"][0]
    times = [moment["ts_event"] for moment in series]
    assert times == sorted(times, reverse=True)
    assert len(times) == 30
    newer = get(api, f"/books/{ETH}", since=to_text(until - 10 * SECOND))["series"]
    assert all(moment["ts_event"] >= until - 10 * SECOND for moment in newer)
    assert 9 <= len(newer) <= 10
    assert get(api, f"/books/{ETH}", samples=0)["series"] == []


def test_liquidation_levels_at_the_closes_of_a_timeframe(api: httpx.Client, until: int) -> None:
    def told(instrument_id: str = BTC, **more: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = get(api, f"/levels/{instrument_id}", **more)["items"]
        return items

    every = told(timeframe="1m")
    assert every == told(timeframe="5m")
    closes = [profile["ts_close"] for profile in every]
    assert closes == sorted(closes, reverse=True)
    assert all(close % (5 * MINUTE) == 0 for close in closes)
    assert [profile["ts_close"] for profile in told(timeframe="15m")] == [c for c in closes if c % (15 * MINUTE) == 0]
    assert told(timeframe="5m", since=to_text(closes[1]), limit=1) == every[:1]
    assert every[0]["lowest"] < every[0]["price"] < every[0]["lowest"] * exp(40 * every[0]["width"])
    assert len(every[0]["shares"]) == 40
    assert told(SPOT, timeframe="1m") == []


def test_gaps_of_all_and_of_one(api: httpx.Client) -> None:
    everything = get(api, "/gaps")["items"]
    assert {gap["instrument_id"] for gap in everything} == {BTC, ETH, SPOT}
    mine = get(api, "/gaps", instrument_id=BTC, kind="book_sequence")["items"]
    assert mine == [gap for gap in everything if gap["instrument_id"] == BTC]
    assert get(api, "/gaps", kind="late")["items"] == []
    assert api.get("/gaps", params={"instrument_id": "nope:X"}).status_code == 404


def test_models_tell_what_serves_and_what_happened(api: httpx.Client) -> None:
    status = get(api, "/models/status")
    (serving,) = status["serving"]
    assert (serving["model"], serving["version"], serving["event"]) == ("majors", f"{135:016x}", "activated")
    assert [(event["model"], event["event"]) for event in status["events"]] == [
        ("minors", "deactivated"), ("majors", "activated"), ("majors", "activated"),
    ]  # fmt: skip
    assert serving in status["events"]


def test_a_version_tells_how_it_did_and_how_its_inputs_drift(store: str, until: int, tmp_path: Path) -> None:
    """Without a card, why; drift is told all the same."""
    registry = Registry(tmp_path)
    made = trained()
    importance = {"tfi": [0.1, 0.3], "rsi_14": [0.8, 0.7]}
    told = replace(made.manifest, curve=[CurveBin(said=0.4, seen=0.5, rows=9)], importance=importance)
    version = registry.add(told, made.files, CATALOGUE)
    fill(store, [*drifted("majors", until), *daily("majors", until)])
    with (
        running(ApiConfig(dsn=store, port=0, shelf=RegistryShelf(registry, store))) as base,
        httpx.Client(base_url=base) as api,
    ):
        found = get(api, f"/models/majors/{version}")
        unknown = get(api, f"/models/majors/{0:016x}")
        (tmp_path / "majors" / version / "manifest.json").unlink()
        broken = get(api, f"/models/majors/{version}")
        assert api.get("/models/Majors/latest").status_code == 422
    assert broken["refused"] == f"manifest.json of majors {version}: No such file or directory"
    assert (found["card"]["outcomes"], found["refused"]) == (600, "")
    assert found["card"]["curve"] == [{"said": 0.4, "seen": 0.5, "rows": 9}]
    assert [one["feature"] for one in found["card"]["importance"]] == ["rsi_14", "tfi"]
    assert found["card"]["importance"][1] == {"feature": "tfi", "mean": 0.2, "low": 0.1, "high": 0.3}
    obi, *days, rsi, ks = found["drift"]
    assert [(one["feature"], one["measure"], one["value"]) for one in days] == [
        ("tfi", "psi_day 5m", 0.2), ("tfi", "psi_day 1m", 0.1),
    ]  # fmt: skip
    assert (obi["feature"], obi["measure"], obi["threshold"], obi["alerts"]) == ("obi_10", "psi", 0.25, 1)
    assert obi["ts_close"] == obi["last_alert"] == until // MINUTE * MINUTE
    assert obi["values"] == pytest.approx([0.03 * window for window in range(10)])
    assert (rsi["feature"], rsi["alerts"], rsi["last_alert"], ks["measure"]) == ("rsi_14", 0, None, "ks")
    assert unknown["card"] is None
    assert unknown["refused"] == f"model majors has no version {0:016x} in the registry"
    assert unknown["drift"] == found["drift"]


def test_stats_count_every_stage(api: httpx.Client, until: int) -> None:
    answer = get(api, "/stats")
    stages = {stage["table"]: stage for stage in answer["stages"]}
    first = until // MINUTE - MINUTES
    bars = 3 * sum(until // step - first * MINUTE // step for step in TIMEFRAME_NS.values())
    assert stages["bars"]["rows"] == stages["features"]["rows"] == bars
    assert stages["bars"]["newest"] == until // MINUTE * MINUTE
    assert stages["outcomes"] == {
        "table": "outcomes", "topic": "signals.outcomes", "rows": 0, "exact": True, "newest": None, "time": None,
    }  # fmt: skip
    assert {offset["topic"] for offset in answer["offsets"]} >= {"features.bars", "signals.published"}


def test_ready_names_what_is_missing(store: str) -> None:
    now = time.time_ns()
    with (
        running(ApiConfig(dsn=store, port=0, max_close_age_s=120, max_book_age_s=30, ready_cache_s=0)) as address,
        httpx.Client(base_url=address) as api,
    ):

        def checks() -> dict[str, str]:
            answer = api.get("/ready")
            body = answer.json()
            assert answer.status_code == (200 if body["ready"] else 503)
            return {check["name"]: check["detail"] for check in body["checks"] if not check["ok"]}

        assert checks() == {
            "bars": "no bar is stored; are `candlewick run` and `store` running?",
            "books": "no book sample of the last day is stored",
        }
        fill(store, history(BTC, now - HOUR, minutes=5))
        assert set(checks()) == {"bars", "books"}
        assert "allowed are 120" in checks()["bars"]
        assert "sim:BTC/USDT:USDT is 36" in checks()["books"]
        fill(store, history(ETH, now - 25 * HOUR, minutes=5))
        silent = "; not judged, as they have been silent for a day: sim:ETH/USDT:USDT"
        assert checks()["books"].endswith(silent)
        fill(store, history(BTC, now - SECOND, minutes=5))
        assert checks() == {}
        fill(store, [book(BTC, now, 64_000.0, Random(1), stale=True)])  # noqa: S311, no secret
        assert checks() == {"books": f"sim:BTC/USDT:USDT is stale{silent}"}


def test_a_store_of_old_tapes_alone_is_not_ready(store: str) -> None:
    fill(store, history(BTC, time.time_ns() - 25 * HOUR, minutes=5))
    with running(ApiConfig(dsn=store, port=0)) as address, httpx.Client(base_url=address) as api:
        checks = {check["name"]: check["detail"] for check in api.get("/ready").json()["checks"] if not check["ok"]}
    assert checks["books"] == (
        "no book sample of the last day is stored; not judged, as they have been silent for a day: sim:BTC/USDT:USDT"
    )


@pytest.mark.parametrize("resource", ["bars", "features", "books", "signals"])
@pytest.mark.parametrize("symbol", ["sim:DOGE/USDT", "x%00y", "sim:BTC/USDT:USDT/"])
def test_an_unknown_instrument_is_named(api: httpx.Client, resource: str, symbol: str) -> None:
    answer = api.get(f"/{resource}/{symbol}")
    assert answer.status_code == 404
    assert answer.json()["error"].startswith("unknown instrument ")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/signals?limit=0", "limit = '0': it should be greater than or equal to 1"),
        ("/signals?limit=many", "limit = 'many': it should be a valid integer, unable to parse string as an integer"),
        ("/signals?direction=up", "direction = 'up': it should be 'long', 'short' or 'neutral'"),
        ("/signals?strategy=%00", "strategy = '\\x00': String should match pattern '^[^\\x00-\\x1f]+$'"),
        ("/signals?min_confidence=nan", "min_confidence = 'nan': it should be a finite number"),
        ("/signals?cursor=AAAA", "cursor = 'AAAA': not one of this API; leave it out to begin at the newest"),
        (
            "/signals?cursor=WzEsICJ4Il0",
            "cursor = 'WzEsICJ4Il0': not one of this API; leave it out to begin at the newest",
        ),
        ("/signals?timefame=1m", "timefame: there is no such parameter here"),
        (f"/bars/{BTC}?timeframe=2m", "timeframe = '2m': it should be '1m', '5m', '15m', '1h', '4h' or '1d'"),
        (f"/bars/{BTC}?since=1723161600000", f"since = '1723161600000': {TIMES}"),
        (
            f"/bars/{BTC}?since=2024-08-09T00:00:00+00:00",
            f"since = '2024-08-09T00:00:00 00:00': {TIMES} (write + as %2B)",
        ),
        (f"/bars/{BTC}?since=2024-02-30", f"since = '2024-02-30': day is out of range for month; {TIMES}"),
        (
            f"/bars/{BTC}?since=2024-01-02&until=2024-01-01",
            "until = 2024-01-01T00:00:00Z: it should be after since = 2024-01-02T00:00:00Z",
        ),
    ],
)
def test_a_bad_query_gets_one_line_that_says_what_is_allowed(api: httpx.Client, path: str, line: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.json()) == (422, {"error": line})


def test_a_signal_of_another_time_zone_is_asked_for_by_offset(store: str) -> None:
    ts = 1_723_161_600_000_000_000  # 2024-08-09T00:00Z
    fill(store, [definition(BTC, ts), *signal(BTC, ts, 60_000.0)])
    with running(ApiConfig(dsn=store, port=0)) as address, httpx.Client(base_url=address) as api:
        assert len(get(api, "/signals", since="2024-08-09T02:00:00+02:00", until="2024-08-09T00:00:01")["items"]) == 1
        assert get(api, "/signals", since="2024-08-09T00:00:00-01:00")["items"] == []
        assert len(get(api, "/signals", since="2024-08-09")["items"]) == 1
