from collections.abc import Sequence
from typing import Any, Final

HEADER: Final[bytes]
KNOWN: Final[frozenset[int]]
TRAILER: Final[bytes]

class Encoder:
    def __init__(self, types: Sequence[int], time_at: int) -> None: ...
    def encode(self, rows: list[tuple[Any, ...]]) -> bytes: ...
