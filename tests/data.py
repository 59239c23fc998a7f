"""Where the recorded market data lies that tests are held against; it is no part of the project."""

from pathlib import Path

import pytest

__all__ = ["DATA", "needs_data"]

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="recorded market data (../shared/data) is not on this machine"
)
