"""The page in a real browser, over a real API and database."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import httpx
import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser

from api.config import ApiConfig
from api.routes.page import STATIC
from deploy.screenshots import photograph
from flows.catalogue import catalogue_entries
from flows.embedded.postgres import EmbeddedPostgres
from flows.shelf import RegistryShelf
from models.registry import Registry
from schemas.cards import CurveBin
from schemas.identifiers import derive
from schemas.results import ModelEvent
from schemas.time import MINUTE, SECOND
from sinks.api_keys import add_key, revoke_key
from sinks.database import connect
from sinks.migrate import migrate
from tests.api.market import BTC, ETH, book, drifted, fill, history, signal
from tests.api.serving import running, wait_for
from tests.integration.browser import CHROMIUM, Visit, browser, visit
from tests.integration.timescale_fixtures import new_database
from tests.models.catalogue import CATALOGUE
from tests.models.trees import trained

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="a browser: Debian's chromium"),
    pytest.mark.skipif(not (STATIC / "vendor").exists(), reason="the page's chart library: `make setup` fetches it"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def now() -> int:
    """The time up to which the market goes: this minute's beginning and a little more."""
    return time.time_ns() // MINUTE * MINUTE + SECOND


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> RegistryShelf:
    """A registry with a model."""
    registry, made = Registry(tmp_path_factory.mktemp("models")), trained()
    curve = [CurveBin(said=0.3 + part / 20, seen=0.32 + part / 25, rows=60) for part in range(10)]
    told = replace(made.manifest, curve=curve, importance={"tfi": [0.5, 0.7], "rsi_14": [0.5, 0.3]})
    registry.add(told, made.files, CATALOGUE)
    return RegistryShelf(registry, "")


@pytest.fixture(scope="module")
def market(embedded: EmbeddedPostgres, now: int, shelf: RegistryShelf) -> Iterator[str]:
    with new_database(embedded.dsn) as dsn:
        migrate(dsn)
        fill(dsn, history(BTC, now, minutes=240))
        fill(dsn, history(ETH, now, minutes=120))
        fill(dsn, drifted("majors", now))
        (version,) = shelf.registry.versions("majors")
        fill(dsn, [("models.events", ModelEvent(
            id=derive("model_event", version), model="majors", version=version, event="activated", ts_event=now,
        ))])  # fmt: skip
        yield dsn


@pytest.fixture(scope="module")
def address(market: str, shelf: RegistryShelf) -> Iterator[str]:
    with running(ApiConfig(dsn=market, port=0, catalogue=catalogue_entries(), shelf=shelf)) as base:
        yield base


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Visit]:
    """The page on the perpetual's minutes, filled."""
    with visit(chromium, f"{address}/#instrument={BTC}&timeframe=1m") as seen:
        filled(seen)
        yield seen
        assert seen.problems == []


def filled(seen: Visit) -> None:
    seen.until("document.querySelectorAll('.level.bid .price').length && document.querySelector('.item')")
    seen.until("document.querySelector('.ledger, .stages')")


def test_it_shows_market_signals_book_and_quality_without_an_error(page: Visit) -> None:
    assert page.page.locator("#chart canvas").count() >= 2
    assert page.page.get_attribute("#chart", "aria-label", timeout=1000) is not None
    assert "C " in page.text("#legend")
    assert page.text("#price").replace(",", "").replace(".", "").isdigit()
    assert page.text("#instrument").count("BTC/USDT") == 1
    assert page.page.locator(".item").count() > 3
    assert page.page.locator(".item.vetoed").first.inner_text().count("spread 14.2 bps is above 10") == 1
    bids = [float(text.replace(",", "")) for text in page.page.locator(".level.bid .price").all_inner_texts()]
    asks = [float(text.replace(",", "")) for text in page.page.locator(".level.ask .price").all_inner_texts()]
    assert len(bids) == len(asks) == 10
    assert [*asks, *bids] == sorted([*asks, *bids], reverse=True)
    assert "imbalance" in page.text(".imbalance")
    assert "Bars" in page.text(".stages")
    assert "Book updates missing" in page.text(".ledger")
    page.until("document.querySelector('#light').dataset.state !== 'waiting'")
    assert "lag" in page.text("#lag")


def candle_pixels(seen: Visit, colour: tuple[int, int, int], least: int = 251) -> int:
    """How many pixels of the chart have a colour, at ``least`` as opaque."""
    count = seen.page.evaluate(
        """([wanted, least]) => [...document.querySelectorAll('#chart canvas')].reduce((sum, canvas) => {
            const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            for (let i = 0; i < data.length; i += 4)
                if (wanted.every((part, k) => Math.abs(data[i + k] - part) < 3) && data[i + 3] >= least) sum++;
            return sum;
        }, 0)""",
        [list(colour), least],
    )
    return int(count)


def test_candles_are_drawn_in_both_directions(page: Visit) -> None:
    assert candle_pixels(page, (0x43, 0xB9, 0x8E)) > 200
    assert candle_pixels(page, (0xE5, 0x6B, 0x70)) > 200


def test_selecting_a_signal_says_why_and_draws_its_levels(page: Visit) -> None:
    item = page.page.locator(".item:not(.vetoed)").first
    item.click()
    assert item.get_attribute("aria-pressed") == "true"
    assert "EMA 20 lies 1.4 ATR above EMA 50" in page.text(".factors")
    assert [row.split("\t")[0] for row in page.text(".levels table").split("\n")][1:4] in (
        ["Target 2", "Target 1", "Entry"],
        ["Entry", "Target 1", "Target 2"],
    )
    assert "signal=" in page.page.url
    drawn = page.page.screenshot(clip=page.page.locator("#chart").bounding_box())
    page.page.keyboard.press("Escape")
    page.until("document.querySelector('#detail .nothing')")
    assert page.page.screenshot(clip=page.page.locator("#chart").bounding_box()) != drawn


def test_a_value_is_traced_to_its_formula_and_drawn_by_one_click(page: Visit) -> None:
    """With the prices if it is one, else in a pane of its own; a second click takes it away."""
    page.until("document.querySelectorAll('.values li').length > 80")
    page.until("[...document.querySelectorAll('.values .figure')].some((one) => one.textContent !== '–')")
    page.until("Number(document.querySelector('#imbalance').dataset.bars) > 0")  # has its pane
    panes = page.page.locator("#chart tr")
    before = panes.count()
    rsi = page.page.locator(".values button", has_text="rsi_14")
    rsi.click()
    assert rsi.get_attribute("aria-pressed") == "true"
    assert "100 gain / (gain + loss), Wilder's averages of 14 changes" in page.text(".meaning")
    assert "Wilder 1978" in page.text(".meaning")
    assert "0-100, from 0 to 100" in page.text(".meaning")
    page.until("(before) => document.querySelectorAll('#chart tr').length > before", before)
    page.page.locator(".values button", has_text="ema_50").first.click()
    assert "alpha" in page.text(".meaning") or "EMA" in page.text(".meaning")
    page.until("(before) => document.querySelectorAll('#chart tr').length === before", before)
    page.page.fill("#features-filter", "bollinger")
    assert 0 < page.page.locator(".values li:visible").count() < 10
    page.page.fill("#features-filter", "")
    page.page.locator(".values button", has_text="ema_50").first.click()
    assert "Select a value to see its formula" in page.text(".meaning")


def test_a_value_of_the_context_is_told_as_such_and_drawn(page: Visit) -> None:
    page.until("[...document.querySelectorAll('.values li')].some((one) => one.textContent.startsWith('fear_greed'))")
    button = page.page.locator(".values button", has_text="fear_greed").first
    assert float(button.locator(".figure").inner_text()) >= 40
    before = page.page.locator("#chart tr").count()
    button.click()
    assert "the context: what lies across instruments" in page.text(".meaning")
    page.until("(before) => document.querySelectorAll('#chart tr').length > before", before)
    button.click()


def test_estimated_liquidation_levels_lie_behind_the_price_and_can_be_left_out(page: Visit) -> None:
    page.until("Number(document.querySelector('#levels').dataset.bars) > 230")  # estimates of five minutes each
    drawn = page.page.screenshot(clip=page.page.locator("#chart").bounding_box())
    page.page.uncheck("#levels")
    page.until("document.querySelector('#levels').dataset.bars === '0'")
    assert page.page.screenshot(clip=page.page.locator("#chart").bounding_box()) != drawn


def test_the_books_imbalance_has_a_pane_under_the_price_and_can_be_left_out(page: Visit) -> None:
    """Of each bar whose book was known: 240 minutes less two absences."""
    page.until("document.querySelector('#imbalance').dataset.bars === '238'")
    before = page.page.locator("#chart tr").count()
    whole = candle_pixels(page, (0x8F, 0x9A, 0xAB), 0x47)  # the band's colour, as faint as it is drawn
    page.page.uncheck("#imbalance")
    page.until("(before) => document.querySelectorAll('#chart tr').length < before", before)
    assert page.page.get_attribute("#imbalance", "data-bars") == "0"
    assert whole - candle_pixels(page, (0x8F, 0x9A, 0xAB), 0x47) > 5_000
    page.page.check("#imbalance")
    page.until("(before) => document.querySelectorAll('#chart tr').length === before", before)


def test_panes_keep_their_places_whichever_comes_first(page: Visit) -> None:
    """The imbalance right under the prices, lower than what was drawn by a click."""
    heights = "[...document.querySelectorAll('#chart tr')].map((row) => row.offsetHeight)"
    page.until("Number(document.querySelector('#imbalance').dataset.bars) > 0")
    before = page.page.locator("#chart tr").count()
    page.page.locator(".values button", has_text="rsi_14").click()
    page.until("(before) => document.querySelectorAll('#chart tr').length > before", before)
    page.until(f"(() => {{ const all = {heights}; return all[2] > 40 && all[2] < all[4]; }})()")
    drawn = page.page.evaluate(heights)
    page.page.uncheck("#imbalance")
    page.until("(drawn) => document.querySelectorAll('#chart tr').length < drawn.length", drawn)
    page.page.check("#imbalance")
    page.until(f"(drawn) => JSON.stringify({heights}) === JSON.stringify(drawn)", drawn)


def test_what_is_in_quote_currency_but_no_price_has_a_pane(page: Visit) -> None:
    page.until("Number(document.querySelector('#imbalance').dataset.bars) > 0")
    before = page.page.locator("#chart tr").count()
    page.page.fill("#features-filter", "best ask minus best bid")
    page.page.locator(".values button:visible", has_text="spread").first.click()
    page.until("(before) => document.querySelectorAll('#chart tr').length > before", before)


def test_it_tells_which_models_serve_and_what_happened_to_them(page: Visit) -> None:
    page.until("document.querySelector('#models .ledger li')")
    told = page.text("#models")
    assert "majors" in told
    assert told.count("serves") >= 3  # the head, two activations
    assert "no longer serves" in told


def test_a_model_shows_how_it_did_what_it_looks_at_and_its_drift(page: Visit) -> None:
    page.until("document.querySelector('#models .curve')")
    card = page.page.locator(".card")
    assert card.locator(".curve circle").count() == 10
    assert "600 outcomes to" in card.locator("h3").inner_text()
    importance, drift = card.locator(".weights").all()
    assert importance.locator("li").all_inner_texts() == ["tfi\n60.0%", "rsi_14\n40.0%"]
    assert importance.locator("li").first.get_attribute("title") == "50.0% to 70.0% in the windows"
    assert drift.locator("li.bad").all_inner_texts() == ["obi_10 psi\n0.27 of 0.25"]
    assert drift.locator("li").count() == 3
    assert len((drift.locator("polyline").first.get_attribute("points") or "").split()) == 10
    assert "alerts: 1, the last" in card.inner_text()


def test_a_vetoed_candidate_gives_its_reasons(page: Visit) -> None:
    page.page.locator(".item.vetoed").first.click()
    assert page.page.locator(".vetoes li").all_inner_texts() == [
        "spread 14.2 bps is above 10",
        "obi_10 is tainted: book_sequence",
    ]
    page.page.uncheck("#vetoed")
    page.until("!document.querySelector('.item.vetoed')")


def test_the_list_is_walked_with_the_keyboard(page: Visit) -> None:
    page.page.locator(".item").first.focus()
    page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("Enter")
    page.until("document.querySelectorAll('.item')[1].getAttribute('aria-pressed') === 'true'")


def test_other_instruments_and_timeframes_are_a_click_away(page: Visit) -> None:
    page.page.click("#timeframes button[value='5m']")
    page.until("location.hash.includes('timeframe=5m')")
    page.page.select_option("#instrument", ETH)
    page.until("document.querySelector('#price').textContent.startsWith('3,')")
    assert "ETH/USDT" in page.page.title()
    page.page.check("#everywhere")
    page.until("document.querySelector('#signal-list').textContent.includes('BTC/USDT')")
    page.page.reload()
    filled(page)
    page.until("document.querySelector('#price').textContent.startsWith('3,')")


def test_what_is_stored_appears_by_itself(page: Visit, market: str, now: int) -> None:
    page.until(
        "document.querySelector('#light').dataset.state === 'live' || document.querySelector('#lag').textContent"
    )
    before = page.page.locator(".item").count()
    sample = book(BTC, time.time_ns(), 64_321.05, Random(1))  # noqa: S311, no secret
    fill(market, [sample, *signal(BTC, now // MINUTE * MINUTE, 64_321.0)])
    page.until("document.querySelector('#price').textContent.startsWith('64,321.')")
    page.until("(before) => document.querySelectorAll('.item').length === before + 1", before)
    page.until("document.querySelector('#light').dataset.state === 'live'")


def test_pictures_of_it_are_taken(chromium: Browser, address: str, market: str, tmp_path: Path) -> None:
    soon = time.time_ns() + 30 * SECOND
    fill(market, [book(one, soon, price, Random(2)) for one, price in ((BTC, 64_300.0), (ETH, 3_100.0))])  # noqa: S311, no secret
    pictures = photograph(chromium, address, tmp_path / "pictures")
    assert [picture.name for picture in pictures] == ["page.png", "phone.png"]
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)


def test_it_fits_the_window_and_nothing_jumps(chromium: Browser, address: str) -> None:
    boxes = "[...document.querySelectorAll('.panel')].map(panel => panel.getBoundingClientRect().top)"
    with ExitStack() as pages:
        place = f"{address}/#instrument={BTC}&timeframe=1m"
        both = [pages.enter_context(visit(chromium, place, width=width)) for width in (1280, 390)]
        for seen in both:
            filled(seen)
            assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        before = [seen.page.evaluate(boxes) for seen in both]
        seen.page.wait_for_timeout(1200)  # one beat of the page and more
        assert [seen.page.evaluate(boxes) for seen in both] == before
        assert [seen.problems for seen in both] == [[], []]


def test_an_empty_store_says_how_to_fill_it_and_is_left_by_itself(
    chromium: Browser, embedded: EmbeddedPostgres, now: int
) -> None:
    with new_database(embedded.dsn) as dsn:
        migrate(dsn)
        with running(ApiConfig(dsn=dsn, port=0)) as base, visit(chromium, base) as seen:
            seen.until("!document.querySelector('#chart-empty').hidden")
            assert "No instrument is stored yet." in seen.text("#chart-empty")
            assert "make demo starts a simulated market." in seen.text("#chart-empty")
            assert seen.text("#light") == "no data yet"
            fill(dsn, history(BTC, now, minutes=30))
            filled(seen)
            seen.until("document.querySelector('#chart-empty').hidden")
            assert seen.problems == []


def test_a_store_without_tables_says_what_makes_them(chromium: Browser, embedded: EmbeddedPostgres) -> None:
    with (
        new_database(embedded.dsn) as dsn,
        running(ApiConfig(dsn=dsn, port=0)) as base,
        visit(chromium, base) as seen,
    ):
        seen.until("!document.querySelector('#notice').hidden")
        assert "candlewick migrate makes them" in seen.text("#notice")
        assert seen.text("#light") == "database down"


def test_without_the_api_it_says_so_and_comes_back(chromium: Browser, market: str) -> None:
    with ExitStack() as pages:
        with running(ApiConfig(dsn=market, port=0)) as base:
            seen = pages.enter_context(visit(chromium, f"{base}/#instrument={BTC}&timeframe=1m"))
            filled(seen)
            assert seen.problems == []
        seen.until("document.querySelector('#light').textContent === 'API down'")
        assert seen.text("#notice").startswith("The API cannot be reached: is candlewick api or make demo running?")
        assert seen.page.locator(".level.bid").count() == 10  # what was known stays
        with running(ApiConfig(dsn=market, port=int(base.rpartition(":")[2]))):
            seen.until("document.querySelector('#notice').hidden")
            seen.until("document.querySelector('#light').dataset.state !== 'down'")


def test_where_a_key_is_needed_it_asks_for_one_and_goes_on(chromium: Browser, embedded: EmbeddedPostgres) -> None:
    until = time.time_ns() // MINUTE * MINUTE + SECOND
    with ExitStack() as stack:
        dsn = stack.enter_context(new_database(embedded.dsn))
        migrate(dsn)
        fill(dsn, history(BTC, until, minutes=60))
        with connect(dsn) as connection:
            keys = [add_key(connection, "desk", "read") for _ in range(2)]
        base = stack.enter_context(running(ApiConfig(dsn=dsn, port=0, keys_interval_s=0.05)))
        seen = stack.enter_context(visit(chromium, base))

        def give(text: str) -> None:
            seen.until("!document.querySelector('#key-form').hidden")
            seen.page.fill("#key", text)
            seen.page.press("#key", "Enter")

        give("cwk_0_0")
        seen.until("document.querySelector('#key-why').textContent === 'This key is unknown or has ended.'")
        give(keys[0][1])
        filled(seen)
        wait_for(lambda: "candlewick_api_ws_clients 1.0" in httpx.get(f"{base}/metrics").text)  # the stream is open too
        with connect(dsn) as connection:
            revoke_key(connection, keys[0][0].id)
        give(keys[1][1])
        seen.until("document.querySelector('#light').textContent !== 'locked'")
        assert seen.page.evaluate("JSON.stringify(localStorage)") == "{}"
        assert keys[1][1] not in seen.page.url
        expected = ("401", "Failed to load resource", "WebSocket")
        assert [problem for problem in seen.problems if not any(word in problem for word in expected)] == []


def test_the_chart_library_missing_is_said_and_the_rest_works(chromium: Browser, address: str) -> None:
    page = chromium.new_page()
    page.route("**/vendor/lightweight-charts.js", lambda route: route.fulfill(status=404))
    seen = Visit(page)
    page.goto(f"{address}/#instrument={BTC}&timeframe=1m")
    filled(seen)
    assert "make setup fetches it" in seen.text("#chart-empty")
    page.close()
