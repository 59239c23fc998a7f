"""A small catalogue, beside what is slow to import."""

from typing import Final

from models.registry import Catalogue

__all__ = ["CATALOGUE", "INPUTS"]

INPUTS: Final = ["rsi_14", "tfi", "obi_10", "direction", "score"]
CATALOGUE: Final = Catalogue("f" * 16, "c" * 16, frozenset(INPUTS[:3]))
