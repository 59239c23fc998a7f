"""Random numbers by name: each purpose has a stream of its own, so switching one thing on changes no other."""

from collections.abc import Callable, Iterator
from typing import Final

from numpy import float64
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray

__all__ = ["Draw", "exponentials", "generator", "normals", "tail_scales", "uniforms"]

Draw = Callable[[], float]
"""The next number of a stream without end."""

_BLOCK: Final = 4096


def generator(seed: int, name: str) -> Generator:
    """The generator of ``name`` under ``seed`` (PCG64): independent of every other name and of who else exists.

    Only NumPy's scalar samplers are used on it. Its vectorised ``exp``, ``log`` and ``cos`` may differ in the last bit
    between processors, and the simulator promises equal bytes.
    """
    return Generator(PCG64(SeedSequence(seed, spawn_key=tuple(name.encode()))))


def normals(seed: int, name: str) -> Draw:
    """Standard normal numbers."""
    return _endless(generator(seed, name).standard_normal)


def uniforms(seed: int, name: str) -> Draw:
    """Numbers in [0, 1)."""
    return _endless(generator(seed, name).random)


def exponentials(seed: int, name: str) -> Draw:
    """Exponential numbers of mean 1."""
    return _endless(generator(seed, name).standard_exponential)


def tail_scales(seed: int, name: str, degrees: float) -> Draw:
    """Factors that turn a standard normal number into a Student t of ``degrees`` (> 2) and variance 1.

    ``sqrt((degrees - 2) / chi2)``. Several normals that share a factor keep their correlation and get tails that
    come together, as crashes do.
    """
    draws = generator(seed, name)
    return _endless(lambda size: ((degrees - 2.0) / (2.0 * draws.standard_gamma(degrees / 2.0, size))) ** 0.5)


def _endless(block: Callable[[int], NDArray[float64]]) -> Draw:
    def values() -> Iterator[float]:
        while True:
            yield from block(_BLOCK).tolist()

    return values().__next__
