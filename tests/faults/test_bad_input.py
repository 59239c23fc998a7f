"""A feed of poor quality: what cannot be read, what comes twice, what comes out of order."""

import json
import random
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from schemas.codec import encode
from schemas.market import MarketEvent, Trade
from schemas.time import SECOND
from tests.faults.conftest import Form, Markets
from tests.faults.market import SMOOTH
from tests.faults.stand import Stand
from tests.faults.table import Finding
from tests.faults.verdict import compare
from tests.integration.kafka_broker import KafkaBroker

pytestmark = [pytest.mark.integration, pytest.mark.fault("bad input")]

_MALFORMED: Final = 0.01
_DUPLICATES: Final = 0.10
_DISORDER: Final = 0.05
_LATE_S: Final = 2.0  # the engine allows for 2.5
_WITHIN: Final = 300  # events until a duplicate comes


def test_malformed_twice_and_out_of_order(
    form: Form, market: Markets, brokers: Callable[[], KafkaBroker], tmp_path: Path, finding: Finding
) -> None:
    """Dead letters are what was malformed, one each, and nothing else differs from the clean feed."""
    finding.injected("1 % malformed lines, 10 % duplicates, 5 % of all events (trades) up to 2 s out of order")
    clean, spoiler = market(form.number(600, 3_600), SMOOTH), Spoiler()
    tape = tmp_path / "tape.jsonl"
    tape.write_bytes(b"".join(line + b"\n" for line in spoiler.lines(clean.events())))
    with Stand(brokers(), tmp_path, clean) as stand:
        stand.pipeline.run("ingest", "--tape", str(tape))
        stand.finish()
        found = stand.pipeline.read()
    letters = [json.loads(value) for (value, *_) in found.pop("dead_letters").values()]
    verdict = compare(found, clean.golden)
    finding.found(**spoiler.count, dead_letters=len(letters), **verdict._asdict())
    assert Counter(b64decode(letter["value"]) for letter in letters) == Counter(spoiler.malformed)
    assert verdict.good


class Spoiler:
    """Makes of a clean feed one of poor quality."""

    def __init__(self) -> None:
        self._chance = random.Random(8)  # noqa: S311, no secret
        self.count: Counter[str] = Counter()
        self.malformed: list[bytes] = []

    def lines(self, events: Iterable[MarketEvent]) -> Iterator[bytes]:
        """Of a recording."""
        chance = self._chance
        late: list[tuple[int, Trade]] = []  # when it comes, and what
        again: list[tuple[int, bytes]] = []  # at which line, and what
        for number, event in enumerate(events):
            while late and late[0][0] <= event.ts_received:
                yield encode(msgspec.structs.replace(late.pop(0)[1], ts_received=event.ts_received))
            while again and again[0][0] <= number:
                yield again.pop(0)[1]
            if chance.random() < _MALFORMED:
                self.count["malformed"] += 1
                self.malformed.append(self._garbage(encode(event)))
                yield self.malformed[-1]
            if isinstance(event, Trade) and chance.random() < _DISORDER * 8:  # every eighth event is a trade
                self.count["out_of_order"] += 1
                late.append((event.ts_received + round(chance.uniform(0, _LATE_S) * SECOND), event))
                late.sort(key=lambda entry: entry[0])
                continue
            yield encode(event)
            if chance.random() < _DUPLICATES:
                self.count["duplicates"] += 1
                again.append((number + chance.randint(1, _WITHIN), encode(event)))
                again.sort(key=lambda entry: entry[0])
        yield from (encode(trade) for _, trade in late)

    def _garbage(self, good: bytes) -> bytes:
        kind = self._chance.randrange(4)
        if kind == 0:
            return good[: self._chance.randint(1, len(good) - 1)]
        if kind == 1:
            return self._chance.randbytes(40).replace(b"\n", b"").replace(b"\r", b"")
        if kind == 2:
            return good.replace(b'"ts_event":', b'"ts_event":"x')
        return b'{"type":"nothing of ours"}'
