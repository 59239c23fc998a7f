"""Learning the last outcomes again, beside having learnt them all."""

import numpy as np

from benchmarks.relearning import compared


def test_who_learns_all_there_is_again_says_the_same_and_who_learns_less_does_not() -> None:
    drawn = np.random.default_rng(1).normal(size=(1_240, 2)).tolist()
    told = [({"score": one, "tfi": other}, other + one > 0) for one, other in drawn]
    for rows in compared(told, 100, [100]).values():
        assert len(rows) == 1_000
        assert all(one == other and not apart for one, other, apart in rows)
    for rows in compared(told, 60, [200, 240]).values():
        assert len(rows) == 2_000
        assert np.mean(rows, axis=0)[2] > 0
