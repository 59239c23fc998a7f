"""A round that failed is tried again before the next slot, and not for ever; one that was killed is taken up."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.cron import Cron
from flows.errors import FlowError
from flows.rounds import Marks, Rounds

NOW = datetime(2024, 5, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_a_round_begins_when_what_the_last_one_decided_is_in_force() -> None:
    """Its activations count from a minute and a half on at the latest."""
    often, monthly = Rounds(Cron("* * * * *"), NOW), Rounds(Cron("0 3 1 * *"), NOW)
    for rounds in (often, monthly):
        rounds.done(NOW, NOW)
    assert often.due == datetime(2024, 5, 1, 12, 4, tzinfo=UTC)
    assert monthly.due == datetime(2024, 6, 1, 3, 0, tzinfo=UTC)


def test_the_first_round_may_begin_at_once() -> None:
    assert Rounds(Cron("0 3 1 * *"), NOW, at_once=True).due == NOW
    assert Rounds(Cron("0 3 1 * *"), NOW).due == datetime(2024, 6, 1, 3, 0, tzinfo=UTC)


def test_a_long_round_is_not_followed_by_another_at_once() -> None:
    rounds = Rounds(Cron("* * * * *"), NOW)
    rounds.done(NOW - 10 * MINUTE, NOW)
    assert rounds.due == datetime(2024, 5, 1, 12, 41, tzinfo=UTC)


def test_a_round_that_failed_is_tried_again_after_longer_and_longer_whiles() -> None:
    rounds = Rounds(Cron("0 3 1 * *"), NOW)
    slot, waits = rounds.due, []
    for _ in range(8):
        rounds.failed(NOW)
        waits.append((rounds.due - NOW) / MINUTE)
    assert waits[:6] == [5, 15, 45, 135, 405, 1_215]
    assert waits[6:] == [(slot - NOW) / MINUTE] * 2
    assert rounds.failures == 8
    rounds.done(NOW, NOW)
    assert (rounds.failures, rounds.due) == (0, slot)
    rounds.failed(NOW)
    assert rounds.due == NOW + 5 * MINUTE


def test_one_that_fails_at_the_next_slot_too_is_tried_again_as_the_first_was() -> None:
    rounds = Rounds(Cron("0 3 1 * *"), NOW)
    for _ in range(7):
        rounds.failed(NOW)
    slot = rounds.due
    rounds.failed(slot)
    assert (rounds.failures, rounds.due - slot) == (1, 5 * MINUTE)


def test_each_day_s_failure_is_a_first_one() -> None:
    """So it is told each day, and tried again as long as on the first."""
    rounds, failures = Rounds(Cron("0 3 * * *"), NOW), []
    for _ in range(3):
        rounds.failed(rounds.due)
        failures.append(rounds.failures)
        for _ in range(5):
            rounds.failed(rounds.due)
    assert failures == [1, 1, 1]


def test_it_is_not_tried_again_later_than_at_the_next_slot() -> None:
    rounds = Rounds(Cron("*/2 * * * *"), NOW)
    rounds.failed(NOW)
    assert rounds.due == datetime(2024, 5, 1, 12, 2, tzinfo=UTC)


def test_a_slot_that_went_by_while_nobody_ran_is_not_lost() -> None:
    monthly = Cron("0 3 1 * *")
    assert Rounds(monthly, NOW, begun=datetime(2024, 4, 20, tzinfo=UTC)).due == NOW
    assert Rounds(monthly, NOW, begun=datetime(2024, 5, 1, 3, 0, 5, tzinfo=UTC)).due == datetime(
        2024, 6, 1, 3, tzinfo=UTC
    )


def test_a_round_that_did_not_end_is_told_by_the_file(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "rounds.jsonl"
    assert (Marks(path).begun, Marks(path).open) == (None, False)
    first = Marks(path)
    first.begin(NOW)
    assert (Marks(path).begun, Marks(path).open) == (NOW, True)
    first.end(NOW + MINUTE)
    assert (Marks(path).begun, Marks(path).open) == (NOW, False)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"begun": "20')  # who wrote it died
    assert (Marks(path).begun, Marks(path).open) == (NOW, False)
    Marks(path).begin(NOW + 2 * MINUTE)
    assert path.read_bytes().startswith(whole)
    assert (Marks(path).begun, Marks(path).open) == (NOW + 2 * MINUTE, True)
    path.write_bytes(b"nonsense\n")
    with pytest.raises(FlowError, match=r"rounds\.jsonl: its last line is no mark of a round"):
        Marks(path)


@contextmanager
def retraining(folder: Path, database: socket.socket, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The command, killed in the end; its database takes calls and never answers."""
    dsn = f"postgresql://nobody@127.0.0.1:{database.getsockname()[1]}/nothing"
    with subprocess.Popen(
        [sys.executable, "-m", "flows.cli.main", "retrain", *options], cwd=folder, stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "CANDLEWICK_DATABASE__DSN": dsn},
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def test_a_round_that_was_killed_is_taken_up_by_the_next_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as database:
        database.settimeout(60)
        with retraining(tmp_path, database, "--now"):
            call, _ = database.accept()  # it is in its round
        call.close()
        with retraining(tmp_path, database, "--regimes-cron", "0 3 1 1 *"):  # and not at a slot
            call, _ = database.accept()
        call.close()
