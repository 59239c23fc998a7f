import inspect

import pytest
from msgspec import Struct

from schemas import market, results, signals
from schemas.documents import record_types
from schemas.topics import BY_NAME, LOG, TOPICS, Topic

each_topic = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)


def test_names_are_unique_and_legal() -> None:
    assert len(BY_NAME) == len(TOPICS)
    # Kafka's metrics write both "." and "_" as "_", so two names must not differ in these alone.
    assert len({name.replace("_", ".") for name in BY_NAME}) == len(TOPICS)
    assert all(name.replace(".", "").replace("_", "").isalnum() for name in BY_NAME)


def test_every_record_type_has_a_place() -> None:
    tagged = {
        kind
        for module in (market, results, signals)
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Struct) and name in module.__all__ and kind.__struct_config__.tag is not None
    }
    assert tagged == {kind for topic in TOPICS for kind in record_types(topic.record)}


@each_topic
def test_types_of_a_topic_are_told_apart_by_their_tags(topic: Topic) -> None:
    kinds = record_types(topic.record)
    assert len({kind.__struct_config__.tag for kind in kinds}) == len(kinds)
    assert {kind.__struct_config__.tag_field for kind in kinds} == {"type"}
    assert all(kind.__struct_config__.frozen for kind in kinds)


@each_topic
def test_a_key_is_a_field_of_the_record_or_a_place_in_the_log(topic: Topic) -> None:
    named = all(topic.key in kind.__struct_fields__ for kind in record_types(topic.record))
    assert named or topic.key == "topic[partition]"


@each_topic
def test_the_desk_is_one_key_so_its_topics_have_one_partition(topic: Topic) -> None:
    assert (topic.partitions == 1) == (topic.lane == "signals")
    assert (topic.lane == "log") == (topic.name == LOG)


@each_topic
def test_only_what_is_kept_for_ever_is_compacted(topic: Topic) -> None:
    assert topic.retention_ms == -1 or topic.retention_ms > 0
    assert not topic.compacted or topic.retention_ms == -1
