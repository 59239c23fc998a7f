"""Who serves and who is in the shadow, by the changelog of models."""

from itertools import permutations

from flows.standing import Shadow, standing
from schemas.results import ModelEvent


def event(ts: int, model: str, version: str, what: str, before: str = "") -> ModelEvent:
    return ModelEvent(id="", model=model, version=version, event=what, ts_event=ts, details={"before": before})


def test_what_stands_follows_from_the_changelog() -> None:
    said = [
        event(1, "a", "1", "activated"), event(2, "a", "2", "shadowed"), event(3, "b", "3", "shadowed"),
        event(4, "a", "9", "refused"), event(5, "b", "", "no longer shadowed"), event(6, "c", "4", "activated"),
        event(7, "c", "", "deactivated"), event(8, "retraining", "", "failed"),
    ]  # fmt: skip
    found = standing(iter(said))
    assert (found.serving, found.chosen) == ({"a": "1"}, {"a": 1})
    assert found.shadows == {"a": Shadow("2", 2, 2)}
    assert found.met == {("a", "1"), ("a", "2"), ("b", "3"), ("c", "4")}
    promoted = standing(iter([*said, event(9, "a", "2", "activated")]))
    assert (promoted.serving, promoted.chosen, promoted.shadows) == ({"a": "2"}, {"a": 9}, {})


def test_who_comes_back_into_the_shadow_goes_on_where_it_was() -> None:
    """Its age counts anew, its comparison does not: over outcomes chosen afterwards it would be a new one."""
    said = [
        event(1, "a", "1", "shadowed"), event(2, "a", "", "no longer shadowed"), event(3, "a", "2", "shadowed"),
        event(4, "a", "1", "shadowed"),
    ]  # fmt: skip
    assert standing(said).shadows == {"a": Shadow("1", 4, 1)}


def test_going_back_is_a_choice_made_by_all_that_was_known_then() -> None:
    said = [event(1, "a", "1", "activated"), event(2, "a", "2", "activated"), event(3, "a", "1", "activated")]
    assert standing(said).chosen == {"a": 3}


def test_events_of_one_close_are_taken_in_the_order_in_which_they_happened() -> None:
    """The store has them in that of their identifiers."""
    said = [
        event(2, "a", "1", "activated"), event(2, "a", "2", "activated", "1"),
        event(2, "a", "", "no longer shadowed", "3"), event(2, "a", "4", "shadowed"),
    ]  # fmt: skip
    for shuffled in permutations(said):
        found = standing([event(1, "a", "3", "shadowed"), *shuffled])
        assert (found.serving, found.shadows["a"].version) == ({"a": "2"}, "4")
