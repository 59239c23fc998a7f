"""What venues' running numbers can be trusted with."""

from typing import Final

from schemas.time import SECOND

__all__ = ["RESTART"]

RESTART: Final = 5 * SECOND
"""A number that went back although the exchange's clock went on by more than this is no repetition of an old record:
the venue has begun to count anew."""
