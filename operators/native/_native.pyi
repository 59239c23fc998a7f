from operators import ladder
from operators.closing import BarMaker
from operators.flow.recorder import Recorder
from operators.quoting import Quoting
from operators.seen import SeenIds

class Ladder(ladder.Ladder): ...

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
