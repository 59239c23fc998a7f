"""Recovery states are read again to the bit, through migrations, or refused in words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.layouts import Layout, LayoutError, peek, unversioned

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)
LAYOUT = Layout("book", 3, {1: unversioned, 2: lambda state: {**state, "depth": None}})


@given(PLAIN)
def test_plain_data_comes_back(state: Any) -> None:
    assert LAYOUT.unseal(LAYOUT.seal(state)) == state


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    sealed = bytearray(LAYOUT.seal({"bids": [1.5, 2.25], "sequence": 77}))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(LayoutError):
        LAYOUT.unseal(bytes(sealed))


def test_an_older_state_is_brought_up_step_by_step() -> None:
    first = {"version": 1, "bids": []}
    assert LAYOUT.unseal(first) == {"bids": [], "depth": None}
    assert LAYOUT.unseal(Layout("book", 2).seal({"bids": []})) == {"bids": [], "depth": None}
    assert peek(first) == ("", 1, first)


@pytest.mark.parametrize(
    ("sealed", "reason"),
    [
        (Layout("book", 4).seal({}), "book state has version 4, newer than 3, which this program reads"),
        (Layout("book", 0).seal({}), "version 0, .* knows no way from there: .* `candlewick run --rebuild-from"),
        (Layout("desk", 3).seal({}), "this is the state of desk, not of book"),
        (LAYOUT.seal({})[:-1], "its checksum is wrong"),
        (b"", "its checksum is wrong"),
        (("a", 1), "no recovery state, but tuple"),
    ],
)
def test_what_cannot_be_read_is_refused(sealed: Any, reason: str) -> None:
    with pytest.raises(LayoutError, match=reason):
        LAYOUT.unseal(sealed)
