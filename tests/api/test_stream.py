"""New signals over a WebSocket: each once, in order, from wherever the client was; and no memory for who is slow."""

import asyncio
import socket
import threading
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from psycopg import AsyncConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from api.config import ApiConfig
from api.database import Database
from api.hub import Client, Hub, Parcel
from api.metrics import Metrics
from schemas.time import MINUTE
from sinks.api_keys import add_key
from tests.api.market import BTC, Filler, Record, definition, fill, signal
from tests.api.serving import running, wait_for

START = 1_723_161_600_000_000_000


def published(first: int, last: int, explanation: str = "") -> list[Record]:
    """Signals of these minutes."""
    records = [record for minute in range(first, last) for record in signal(BTC, START + minute * MINUTE, 64_000.0)]
    if explanation:
        records = [(topic, msgspec.structs.replace(record, explanation=explanation)) for topic, record in records]
    return records


def identifiers(records: list[Record]) -> list[str]:
    return [str(getattr(record, "id", "")) for topic, record in records if topic == "signals.published"]


@contextmanager
def listening(address: str, query: str = "") -> Iterator[ClientConnection]:
    url = f"ws{address.removeprefix('http')}/ws/signals{query}"
    with connect(url, max_queue=None, close_timeout=1) as client:
        yield client


def receive(client: ClientConnection, kind: str = "signal", timeout: float = 10) -> Any:
    """The next message of a kind."""
    while True:
        message = msgspec.json.decode(client.recv(timeout))
        if message["type"] == kind:
            return message


def refusal(address: str, query: str) -> tuple[str, int, str]:
    """What the server says last, its close code and reason."""
    with listening(address, query) as client:
        said = receive(client, "refusal")["error"]
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(5)
    assert closed.value.rcvd is not None
    return said, closed.value.rcvd.code, closed.value.rcvd.reason


@pytest.fixture
def address(store: str) -> Iterator[str]:
    fill(store, [definition(BTC, START)])
    with running(ApiConfig(dsn=store, port=0, poll_interval_s=0.02, heartbeat_s=0.2)) as base:
        yield base


def metric(address: str, name: str) -> float:
    lines = httpx.get(f"{address}/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


def test_a_client_gets_what_is_stored_from_now_on(address: str, store: str) -> None:
    fill(store, published(0, 3))
    with listening(address) as client, listening(address) as other:
        known = identifiers(published(0, 3))[-1]
        assert receive(client, "heartbeat")["after"] == receive(other, "heartbeat")["after"] == known
        fill(store, published(3, 5))
        for each in (client, other):
            messages = [receive(each) for _ in range(2)]
            assert [message["signal"]["id"] for message in messages] == identifiers(published(3, 5))
            assert [message["after"] for message in messages] == identifiers(published(3, 5))
            assert messages[0]["signal"]["time"] == "2024-08-09T00:03:00Z"
            beat = receive(each, "heartbeat")
            assert beat["after"] == messages[-1]["after"]
            assert beat["live"] is True
    assert metric(address, "candlewick_api_ws_signals_total") == 4
    wait_for(lambda: metric(address, "candlewick_api_ws_clients") == 0)


def test_a_row_that_cannot_be_read_is_passed_over(address: str, store: str) -> None:
    expected = identifiers(published(0, 2))
    with listening(address) as client:
        receive(client, "heartbeat")
        fill(store, published(0, 1))
        with psycopg.connect(store, autocommit=True) as connection:
            connection.execute(
                """
                INSERT INTO signals SELECT (jsonb_populate_record(known, jsonb_build_object(
                    'id', gen_random_uuid(), 'status', 'of another version'))).* FROM signals known
                """
            )
        fill(store, published(1, 2))
        assert [receive(client)["after"] for _ in range(2)] == expected
        assert receive(client, "heartbeat")["live"] is True
    with listening(address, "?after=start") as client:
        assert [receive(client)["after"] for _ in range(2)] == expected


class _Failing(Database):
    """Fails in an unforeseen way until it is mended."""

    mended = False
    asked = 0

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection[Any]]:
        """A connection, or a defect."""
        self.asked += 1
        if not self.mended:
            raise ZeroDivisionError
        async with super().read() as connection:
            yield connection


@pytest.mark.anyio
async def test_no_defect_ends_the_looking(store: str, caplog: pytest.LogCaptureFixture) -> None:
    config = ApiConfig(dsn=store, poll_interval_s=0.01)

    async def until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.01)

    async with _Failing(config) as database:
        hub = Hub(database, config, Metrics())
        hub.live = True
        following = asyncio.create_task(hub.run())
        await until(lambda: database.asked > 3)
        assert not hub.live
        assert len(caplog.records) == 1
        database.mended = True
        await until(lambda: hub.live)
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_an_empty_store_is_followed_from_its_start(address: str, store: str) -> None:
    with listening(address) as client:
        assert receive(client, "heartbeat")["after"] == "start"
    fill(store, published(0, 1))
    with listening(address, "?after=start") as client:
        assert receive(client)["signal"]["id"] == identifiers(published(0, 1))[0]


def test_a_client_that_comes_and_goes_gets_each_signal_once_and_in_order(address: str, store: str) -> None:
    total = 270  # more than a page of catching up
    fill(store, published(0, 210))

    def go_on() -> None:
        with closing(Filler(store)) as filler:
            for minute in range(210, total):
                filler.put(published(minute, minute + 1))

    writing = threading.Thread(target=go_on)
    writing.start()
    seen: list[str] = []
    after = "start"
    for stay in (1, 90, 7, 120, 1000):
        with listening(address, f"?after={after}") as client:
            for _ in range(min(stay, total - len(seen))):
                after = receive(client)["after"]
                seen.append(after)
    writing.join()
    assert seen == identifiers(published(0, total))


def test_a_burst_larger_than_any_queue_drops_nobody_who_listens(store: str) -> None:
    fill(store, [definition(BTC, START)])
    config = ApiConfig(dsn=store, port=0, poll_interval_s=0.02, client_queue=8)
    with running(config) as address, listening(address) as client:
        receive(client, "heartbeat")
        burst = published(0, 60)
        fill(store, burst)
        assert [receive(client)["after"] for _ in range(60)] == identifiers(burst)


def test_a_client_that_takes_nothing_is_dropped_and_the_others_are_not(store: str) -> None:
    fill(store, [definition(BTC, START)])
    config = ApiConfig(dsn=store, port=0, poll_interval_s=0.02, client_queue=16, send_timeout_s=1)
    with running(config) as address, socket.socket() as deaf, listening(address) as client:
        port = int(address.rpartition(":")[2])
        deaf.connect(("127.0.0.1", port))
        key = b64encode(b"0123456789abcdef").decode()
        deaf.sendall(
            f"GET /ws/signals HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        receive(client, "heartbeat")
        wait_for(lambda: metric(address, "candlewick_api_ws_clients") == 2)
        burst = published(0, 400, explanation="word " * 6000)  # 12 MB: more than the kernel keeps for a connection
        fill(store, burst)
        assert [receive(client)["after"] for _ in range(400)] == identifiers(burst)
        wait_for(lambda: metric(address, "candlewick_api_ws_dropped_total") == 1)
        deaf.settimeout(10)
        close = b"\x88\x20" + (1013).to_bytes(2, "big") + b"nothing was taken for too long"
        received = b""
        while not received.endswith(close):
            chunk = deaf.recv(1 << 20)
            assert chunk, "the connection ended without a word"
            received = (received + chunk)[-200:]
        wait_for(lambda: metric(address, "candlewick_api_ws_clients") == 1)


def test_a_queue_holds_what_it_was_made_for_and_no_more() -> None:
    client = Client(2)
    for seq in range(4):
        client.offer(Parcel(seq, str(seq), ""))
    assert client.dropped
    assert client._queue.qsize() == 2


def test_an_unknown_place_is_refused_in_words(address: str) -> None:
    for after in ("0b55b1c8-6bcb-5b0f-8ea4-0f2d9f6d5b11", "7", "%00", ""):
        said, code, why = refusal(address, f"?after={after}")
        assert said.startswith("after = '")
        assert said.endswith("no published signal has this identifier; say start for all, or leave it out")
        assert (code, why) == (1008, said[:123])


def test_there_is_room_for_so_many_clients(store: str) -> None:
    with running(ApiConfig(dsn=store, port=0, max_clients=1)) as address, listening(address) as first:
        receive(first, "heartbeat")
        said, code, _ = refusal(address, "")
        assert (code, said) == (1013, "as many clients as are allowed are connected; come back later")


def test_one_caller_takes_no_more_than_a_share(store: str) -> None:
    with psycopg.connect(store) as connection:
        desk, greedy = (add_key(connection, name, "read")[1] for name in ("desk", "greedy"))
    config = ApiConfig(dsn=store, port=0, max_clients=3, max_clients_each=2)
    with running(config) as address, ExitStack() as stack:
        url = f"ws{address.removeprefix('http')}/ws/signals"

        def opened(key: str) -> ClientConnection:
            return stack.enter_context(connect(url, additional_headers={"authorization": f"Bearer {key}"}))

        for _ in range(2):
            receive(opened(greedy), "heartbeat")
        for _ in range(3):
            one_more = opened(greedy)
            assert receive(one_more, "refusal")["error"].startswith("2 streams are open under this key or address")
            with pytest.raises(ConnectionClosed) as closed:
                one_more.recv(5)
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason[:9]) == (1013, "2 streams")
        receive(opened(desk), "heartbeat")


def test_pages_of_other_sites_get_no_stream(address: str) -> None:
    url = f"ws{address.removeprefix('http')}/ws/signals"
    with pytest.raises(InvalidStatus) as refused:
        connect(url, origin=Origin("https://elsewhere.example"))
    assert refused.value.response.status_code == 403
    with connect(url, origin=Origin(address)) as client:
        receive(client, "heartbeat")


def test_what_a_client_says_is_not_listened_to(address: str, store: str) -> None:
    with listening(address) as client:
        client.send("hello")
        client.send(b"\x00")
        receive(client, "heartbeat")
        fill(store, published(0, 1))
        receive(client)
        client.send("x" * 10_000)
        with pytest.raises(ConnectionClosed) as closed:
            list(client)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009  # too big


def test_a_stream_lives_through_the_end_of_a_connection(store: str) -> None:
    fill(store, [definition(BTC, START)])
    config = ApiConfig(dsn=store, port=0, poll_interval_s=0.02, heartbeat_s=0.1)
    with running(config) as address, listening(address) as client:
        receive(client, "heartbeat")
        receive(client, "heartbeat")  # the first comes before catching up, which a lost connection ends
        with psycopg.connect(store, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        fill(store, published(0, 2))
        assert [receive(client)["after"] for _ in range(2)] == identifiers(published(0, 2))
        deadline = time.monotonic() + 10
        while not receive(client, "heartbeat")["live"]:
            assert time.monotonic() < deadline
