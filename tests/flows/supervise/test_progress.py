"""The watchdog for progress, with a clock of the test's own."""

from collections.abc import Sequence

import msgspec

from flows.supervise.progress import Progress
from schemas.vitals import Vitals
from tests.vitals_samples import SECOND, vitals


def first_alarm(progress: Progress, workers: Sequence[Vitals], start: int, end: int) -> tuple[int, str] | None:
    """The second in which something is said, looking once a second, and what."""
    for second in range(start, end):
        said = progress.look(workers, float(second))
        if said is not None:
            return second, said
    return None


def test_a_worker_whose_turns_do_not_grow_is_found() -> None:
    progress = Progress(stall_s=20.0, start_s=300.0)
    for second in range(100):
        assert progress.look([vitals(turns=second)], float(second)) is None
    assert first_alarm(progress, [vitals(turns=99)], 100, 200) == (120, "it has made no progress for 21 s")


def test_one_stalled_worker_among_several_is_named() -> None:
    progress = Progress(stall_s=20.0, start_s=300.0)
    for second in range(60):
        both = [vitals(turns=second, workers=2), vitals(turns=min(second, 10), worker=1, workers=2)]
        said = progress.look(both, float(second))
        assert (said is not None) is (second > 30), second
    assert said == "worker 1 has made no progress for 49 s"


def test_waiting_for_the_database_is_no_stall_as_long_as_it_is_said() -> None:
    progress = Progress(stall_s=20.0, start_s=300.0)
    for second in range(100):
        assert progress.look([vitals("store", waits_for="database", clock=second * SECOND)], float(second)) is None
    frozen = [vitals("store", waits_for="database", clock=99 * SECOND)]
    found = first_alarm(progress, frozen, 100, 200)
    assert found is not None
    assert found[0] <= 125


def test_a_stage_that_never_gets_to_work_is_found_late_only() -> None:
    for found in ([], [vitals(state="resuming")], [vitals(workers=2)]):
        progress = Progress(stall_s=20.0, start_s=60.0)
        for second in range(62):
            now = [msgspec.structs.replace(one, clock=second * SECOND) for one in found]
            said = progress.look(now, float(second))
            assert said == ("it is not at work yet and has made no progress for 61 s" if second == 61 else None)


def test_a_stage_that_reads_back_much_has_the_time_for_it() -> None:
    progress = Progress(stall_s=20.0, start_s=60.0)
    for second in range(200):
        ready = vitals(turns=second, clock=second * SECOND, workers=2)
        resuming = vitals(turns=min(second, 120), state="resuming", worker=1, clock=second * SECOND, workers=2)
        said = progress.look([ready, resuming], float(second))
        assert (said is not None) is (second > 180), second


def test_who_is_stopped_while_it_resumes_is_found_as_soon_as_at_work() -> None:
    workers = [vitals(state="resuming", clock=5 * SECOND)]
    found = first_alarm(Progress(stall_s=20.0, start_s=300.0), workers, 0, 300)
    assert found == (26, "worker 0 has not been heard of for 21 s")


def test_when_we_were_stopped_ourselves_nobody_is_blamed() -> None:
    progress = Progress(stall_s=20.0, start_s=60.0)
    assert progress.look([vitals(turns=5)], 0.0) is None
    assert first_alarm(progress, [vitals(turns=5)], 1, 15) is None
    assert first_alarm(progress, [vitals(turns=5)], 500, 515) is None
    late = Progress(stall_s=20.0, start_s=60.0)
    assert late.look([], 0.0) is None
    assert first_alarm(late, [], 500, 550) is None
