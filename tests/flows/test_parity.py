"""What a running engine has not come to yet."""

from flows.parity import Name, Result, to_come


def result(at: int, key: str = "x:a") -> Result:
    return Result(key, at, b"", "")


def test_the_desk_may_be_behind_the_instruments_and_they_behind_the_log() -> None:
    live: dict[Name, Result] = {("features.vectors", "v1"): result(1), ("features.context", "c1"): result(1)}
    live["features.vectors", "v2"] = result(2)
    lacking: dict[Name, Result] = {
        ("features.context", "c2"): result(2), ("signals.candidates", "s2"): result(2),
        ("features.vectors", "v3"): result(3), ("features.bars", "of another"): result(1, "x:b"),
    }  # fmt: skip
    assert set(to_come({**live, **lacking}, live)) == set(lacking)


def test_what_is_older_than_what_its_step_wrote_is_missing() -> None:
    live: dict[Name, Result] = {("features.vectors", "v2"): result(2), ("features.context", "c2"): result(2)}
    lost: dict[Name, Result] = {("features.bars", "b1"): result(1), ("signals.published", "s1"): result(1)}
    assert not set(to_come({**live, **lost}, live))
