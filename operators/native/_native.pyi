from collections.abc import Sequence

from operators import bars, ladder, quote_queue
from operators.book import OrderBook
from operators.closing import BarMaker
from operators.desk import returns
from operators.feature import Close, Step
from operators.flow.recorder import Recorder
from operators.quoting import Quoting
from operators.seen import SeenIds
from operators.state import Slotted

class OpenBar(bars.OpenBar): ...
class Ladder(ladder.Ladder): ...
class QuoteQueue(quote_queue.QuoteQueue): ...
class Returns(returns.Returns): ...
class Comoments(returns.Comoments): ...

class FastPath:
    def __init__(
        self,
        key: bytes,
        quoting: Quoting,
        bars: BarMaker,
        recorder: Recorder,
        seen: SeenIds,
        *,
        tolerance: int,
        restart: int,
        patience: int,
    ) -> None: ...
    def run(self, messages: list[tuple[int, int, bytes]], at: int, limit: int) -> int: ...

def shape(book: OrderBook) -> tuple[float | None, ...]: ...
def asked(
    measures: Sequence[tuple[Step, Slotted]], close: Close, names: Sequence[str], blank: Sequence[str]
) -> dict[str, float | None]: ...
