"""The venues' checksums, on their own documented examples and made-up books."""

from zlib import crc32

from operators.checksum import CHECKSUMS, decimals_of, kraken, okx
from operators.ladder import Ladder


def book(bids: dict[float, float], asks: dict[float, float]) -> tuple[Ladder, Ladder]:
    sides = Ladder(1), Ladder(-1)
    for side, levels in zip(sides, (bids, asks), strict=True):
        side.replace(list(levels), list(levels.values()))
    return sides


def test_okx_takes_bids_and_asks_in_turn() -> None:
    # The example of OKX's documentation, "Checksum": a side that has run out is passed over.
    bids, asks = book({3366.1: 7.0}, {3366.8: 9.0, 3368.0: 8.0, 3372.0: 8.0})
    assert okx(bids, asks, (None, None)) == crc32(b"3366.1:7:3366.8:9:3368:8:3372:8")


def test_okx_takes_25_levels() -> None:
    bids, asks = book({100.0 - i: 1.0 for i in range(40)}, {200.0: 1.0})
    text = "100:1:200:1:" + ":".join(f"{100 - i}:1" for i in range(1, 25))
    assert okx(bids, asks, (None, None)) == crc32(text.encode())


def test_okx_writes_small_and_great_numbers_plainly() -> None:
    bids, asks = book({0.00001234: 1e22}, {0.5: 1.0})
    assert okx(bids, asks, (None, None)) == crc32(b"0.00001234:10000000000000000000000:0.5:1")


def test_kraken_is_the_example_of_its_documentation() -> None:
    # "Book checksum": ten levels, asks first, without point and leading zeros.
    asks = {
        0.05005: 0.00000500, 0.05010: 0.00000500, 0.05015: 0.00000500, 0.05020: 0.00000500, 0.05025: 0.00000500,
        0.05030: 0.00000500, 0.05035: 0.00000500, 0.05040: 0.00000500, 0.05045: 0.00000500, 0.05050: 0.00000500,
        9.0: 9.0,
    }  # fmt: skip
    bids = {
        0.05000: 0.00000500, 0.04995: 0.00000500, 0.04990: 0.00000500, 0.04980: 0.00000500, 0.04975: 0.00000500,
        0.04970: 0.00000500, 0.04965: 0.00000500, 0.04960: 0.00000500, 0.04955: 0.00000500, 0.04950: 0.00000500,
        0.01: 9.0,
    }  # fmt: skip
    assert kraken(*book(bids, asks), (5, 8)) == 974947235


def test_kraken_needs_the_digits() -> None:
    sides = book({1.0: 1.0}, {2.0: 1.0})
    assert kraken(*sides, (None, 8)) is None
    assert kraken(*sides, (1, None)) is None


def test_by_venue() -> None:
    assert (CHECKSUMS["okx"], CHECKSUMS["kraken"], len(CHECKSUMS)) == (okx, kraken, 2)


def test_digits_of_steps() -> None:
    assert [decimals_of(step) for step in (1e-15, 0.25, 100.0, 1e22, 5e-324)] == [15, 2, 0, 0, 324]
