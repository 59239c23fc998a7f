from uuid import UUID, uuid5

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.identifiers import derive

# For ever: another one would give every record a new identifier.
NAMESPACE = UUID("6f0f3ab2-3f4e-5f0a-9d55-0c4d1e5b7a11")

_part = st.integers() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1f"))


@given(parts=st.lists(_part, min_size=1))
@settings(deadline=None)
def test_an_identifier_is_a_uuid5(parts: list[str | int]) -> None:
    assert derive(*parts) == str(uuid5(NAMESPACE, "\x1f".join(map(str, parts))))


@given(one=st.lists(_part.map(str), min_size=1), other=st.lists(_part.map(str), min_size=1))
@settings(deadline=None)
def test_different_parts_give_different_identifiers(one: list[str], other: list[str]) -> None:
    assert (derive(*one) == derive(*other)) == (one == other)
