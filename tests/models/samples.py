"""Made-up samples whose truth is known."""

import numpy as np

from models.sample import Sample
from schemas.time import HOUR, MINUTE

__all__ = ["BEGIN", "made_sample"]

BEGIN = 1_700_000_000 * 10**9


def made_sample(rows: int = 2_000, edge: float = 1.0, seed: int = 1, unknown: float = 0.1) -> Sample:
    """Rows every ten minutes whose first input tells of the outcome; values of several sizes, some not known."""
    chance = np.random.default_rng(seed)
    wide = chance.normal(size=(rows, 6)) * np.array([1.0, 1e-6, 1e4, 1.0, 1.0, 1.0])
    wide[:, 3] = chance.integers(0, 4, rows)
    x = wide.astype(np.float32)
    x[chance.uniform(size=x.shape) < unknown] = np.nan
    x[:, 4] = chance.choice([-1.0, 1.0], rows)
    x[:, 5] = chance.uniform(0.3, 0.5, rows)
    p = 1 / (1 + np.exp(-edge * np.nan_to_num(x[:, 0]) * x[:, 4]))
    net = np.where(chance.uniform(size=rows) < p, 0.01, -0.01)
    decided = BEGIN + np.arange(rows) * 10 * MINUTE
    ends = decided + chance.integers(MINUTE, 3 * HOUR, rows)
    names = ["tell", "tiny", "large", "few", "direction", "score"]
    return Sample(names, x, net, decided, ends, np.ones(rows), chance.normal(size=rows), 180.0)
