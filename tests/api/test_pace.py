import asyncio
import time

import pytest

from api.pace import Pace


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_sending_leaves_half_of_the_time_to_others() -> None:
    pace, busy = Pace(), 0.0

    async def send() -> None:
        nonlocal busy
        for _ in range(20):
            begun = await pace.turn()
            while time.perf_counter() - begun < 0.0002:
                pass
            busy += 0.0002
            pace.took(begun)

    begun = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(20)))
    assert time.perf_counter() - begun > 1.5 * busy


@pytest.mark.anyio
async def test_who_has_little_to_send_does_not_wait() -> None:
    pace = Pace()
    for _ in range(100):
        pace.took(await pace.turn() - 1.0)  # as if it had waited for a client, which costs no time of ours
    assert pace._cost <= 0.001
