"""Which version of a model is to serve from which close on: a record of the log, written once all checks passed."""

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

import msgspec

from flows.committed import committed
from flows.engine import desk_config, registry
from flows.errors import FlowError
from flows.settings import Settings, kafka_client
from flows.standing import standing
from flows.state.rebuild import first_at, log_ends
from models.errors import ModelError, ModelRefused, RegistryAway, RegistryError
from models.manifest import Manifest
from models.trained import LEAST_OUTCOMES
from operators.desk.serving import program
from schemas.codec import DecodeError, decode_event, encode
from schemas.errors import CandlewickError
from schemas.market import CONTROL, Activation
from schemas.partitioner import partition_for
from schemas.results import ModelEvent
from schemas.time import HOUR, MINUTE, SECOND, Nanoseconds, floor_to, from_text, to_text
from schemas.topics import LOG
from sinks.log_writer import LogWriter
from sources.activations import Activations
from sources.result_files import read_results, result_file

__all__ = [
    "Step", "activate", "astray", "back", "changelog", "effective_close", "fail", "of_late", "refuse", "rollback",
    "told_events", "unpassed", "withdraw",
]  # fmt: skip

_AHEAD: Final = 30 * SECOND
"""By which a close lies ahead at least, so that no desk has decided it when it reads the record."""
_MOST_AHEAD: Final = HOUR
"""For a close so far the log takes an activation at most: who goes back in a hurry must not read a day of markets."""
_OF_LATE: Final = _MOST_AHEAD + 5 * MINUTE
"""In which an activation is looked for that is not in force yet; clocks may differ."""
Step = tuple[int, str]
"""A close (ns), and the version that serves from then on."""
_REASON: Final = 1_000
"""Characters of a reason."""
_FOLDERS: Final = re.compile(r"(?<![\w./])/(?:[^\s/:]+/)*")
"""Of a path that begins at the root."""


def effective_close(asked: str | None) -> int:
    """The close (ns) that ``asked`` tells in ISO 8601; without it the first full minute that is some time ahead.

    Raises:
        FlowError: it is no time, or one that no record of the log may have.
    """
    if asked is None:
        return floor_to(time.time_ns() + _AHEAD, MINUTE) + MINUTE
    try:
        return msgspec.convert(from_text(asked), Nanoseconds)
    except msgspec.ValidationError as error:
        raise FlowError(f"--at {asked}: no close of ours, which lie between 2009 and 2100") from error
    except ValueError as error:
        raise FlowError(f"--at {asked}: {error}; a time of ISO 8601 is asked for, as 2024-05-01T00:00Z") from error


def activate(
    settings: Settings, model: str, version: str, close: int, to: Path | None = None, *, despite_gates: bool = False,
    shadow: bool = False, reason: str = "",
) -> Activation:  # fmt: skip
    """Let ``version`` serve, or be a ``shadow``, from ``close`` (ns) on; into the file ``to`` instead of the log, if it
    is given.

    Raises:
        ModelRefused: the version fails a check, or has not passed its gates.
        SinkError: the log cannot be written.
        FlowError: nor can the file; or the close lies too far ahead for the log.
    """
    _near(close, to)
    lacks = unpassed(registry(settings).load(model, version, program(desk_config(settings))).manifest)
    if lacks and not despite_gates:
        raise ModelRefused(f"model {model} {version} {lacks}; --despite-gates activates it all the same, and says so")
    return _write(settings, model, version, close, to, shadow=shadow, reason=reason)


def astray(settings: Settings) -> str:
    """Why this registry is not the one that the engines read, in words: by ``models.events`` a version serves, or is in
    the shadow, that it lacks. Empty if it has them all.

    Raises:
        LogError: the broker does not answer.
        RegistryAway: the registry does not say.
    """
    found = standing(sorted(told_events(settings, None), key=lambda event: event.ts_event))
    shadows = {model: shadow.version for model, shadow in found.shadows.items()}
    for model, version in sorted({*found.serving.items(), *shadows.items()}):
        try:
            registry(settings).manifest(model, version)
        except RegistryAway:
            raise
        except ModelRefused as error:
            return (
                f"models.dir {settings.models.dir} is not where the engines read: {error}, and by models.events it is "
                f"asked there; name their registry, or take it back by `candlewick models rollback {model}`"
            )
    return ""


def unpassed(manifest: Manifest) -> str:
    """Why by its gates a version must not serve, in words; empty if it may."""
    failed = [f"{gate.name} ({gate.detail})" for gate in manifest.gates if not gate.passed]
    if failed:
        return f"did not pass {', '.join(failed)}"
    if not manifest.gates:
        return "was never put before the gates"
    if manifest.outcomes < LEAST_OUTCOMES:
        return f"learned from {manifest.outcomes} outcomes, {LEAST_OUTCOMES} are the least"
    lacking = manifest.gates_failed
    return f"was never put before the gate {lacking[0]}" if lacking else ""


def withdraw(settings: Settings, model: str, version: str, close: int, *, reason: str = "") -> Activation:
    """Ask the shadow ``version`` no more, from ``close`` (ns) on; another one that is there by then stays."""
    return _write(settings, model, "", close, None, shadow=True, reason=reason, withdrawn=version)


def refuse(settings: Settings, model: str, version: str, close: int, *, reason: str) -> Activation:
    """Tell in the changelog that the challenger ``version`` goes no further."""
    return _write(settings, model, "", close, None, shadow=True, reason=reason, refused=version)


def fail(settings: Settings, close: int, error: CandlewickError, due: datetime) -> Activation:
    """Tell in the changelog that a round of retraining failed, and when the next one is due; why, if the reason is of
    ours: others have hosts and accounts in them, and the page is public. Of paths the last part alone is told.
    """
    ours = isinstance(error, FlowError | ModelError) and not isinstance(error, RegistryError)
    why = _FOLDERS.sub("", "; ".join(str(error).splitlines())) if ours else "a part that it needs is away or refuses"
    return _write(
        settings, "retraining", "", close, None, reason=f"{why}; next at {due:%Y-%m-%d %H:%M} UTC", failed=True
    )


def rollback(settings: Settings, model: str, close: int, to: Path | None = None) -> list[Activation]:
    """Take back all that is to come after ``close`` (ns), each at its own close; where nothing is, let what served
    before what serves at ``close`` do so again from then on.

    Raises:
        FlowError: nothing of ``model`` was ever activated; or the close lies too far ahead for the log.
        ModelRefused: the version that is to serve fails a check.
    """
    _near(close, to)
    steps = _written(to, model) if to is not None else _served(settings, model)
    if not steps:
        raise FlowError(f"model {model} was never activated, so there is nothing to go back from")
    version, closes = back(steps, close)
    if version:
        registry(settings).load(model, version, program(desk_config(settings)))
    return [_write(settings, model, version, one, to) for one in closes]


def back(steps: Iterable[Step], close: int) -> tuple[str, list[int]]:
    """The version that is to serve after a rollback at ``close`` (ns), and from which closes on: an activation that is
    already written stays, so each one to come is followed by another at the same close.
    """
    last = dict(sorted(steps, key=itemgetter(0)))  # of one close the last to arrive serves, the others never did
    came = [version for version, _ in groupby(version for at, version in last.items() if at <= close)]
    ahead = {at: version for at, version in last.items() if at > close}
    serving, before = ["", "", *came][-1], ["", "", *came][-2]
    if any(version != serving for version in ahead.values()):
        return serving, [at for at, version in ahead.items() if version != serving]
    return before, [close, *(at for at, version in ahead.items() if version != before)]


def changelog(events: Iterable[ModelEvent]) -> str:
    """The public page of what happened to models and why, in Markdown; the newest first."""
    lines = ["# Changelog of models", ""]
    for event in sorted(events, key=lambda one: (one.ts_event, one.id), reverse=True):
        details = event.details
        what = " ".join(filter(None, (event.model, event.version, event.event)))
        lines.append(f"## {to_text(event.ts_event)}: {what}")
        lines.append("")
        for key, words in (("before", "Before it"), ("why", "Why"), ("reason", "Reason")):
            if details.get(key):
                lines.append(f"- {words}: {details[key]}")
        if details.get("gates_failed"):
            lines.append(f"- Gates it did not pass: {', '.join(details['gates_failed'])}")
        trained = dict(details.get("trained", {}))
        if trained:
            told = ", ".join(f"{name} {value:.6g}" for name, value in trained.items() if name != "to")
            lines.append(f"- Trained to {to_text(trained['to'])}, out of sample: {told}")
        if details.get("late"):
            lines.append("- It came after its close, and counts from the next one on")
        lines.append("")
    return "\n".join(lines)


def told_events(settings: Settings, directory: Path | None) -> list[ModelEvent]:
    """What ``models.events`` holds, or its file in the ``directory`` of a replay.

    Raises:
        LogError: the broker does not answer.
        FlowError: there is no such file.
    """
    if directory is None:
        values = [message.value or b"" for message in committed(settings, ["models.events"])]
        return [msgspec.json.decode(value, type=ModelEvent) for value in values]
    path = result_file(directory, "models.events")
    if path is None:
        raise FlowError(f"{directory}: no models.events; name what `candlewick replay` wrote with --activations")
    return list(read_results(path, "models.events", ModelEvent, lambda _: True))


def _near(close: int, to: Path | None) -> None:
    if to is None and close > time.time_ns() + _MOST_AHEAD:
        raise FlowError(f"--at {to_text(close)}: an hour ahead at most, as a rollback looks for no older activation")


def _served(settings: Settings, model: str) -> list[Step]:
    """What came into force, by ``models.events``, and what is to."""
    events = [event for event in told_events(settings, None) if event.model == model]
    came = [(event.ts_event, event.version) for event in events if event.event in {"activated", "deactivated"}]
    told = {(event.details.get("effective_close", 0), event.version) for event in events}
    now = max((event.ts_event for event in events), default=0)
    late = _steps(of_late(settings), model)
    return came + [(max(step[0], now), step[1]) for step in late if step not in told]


def of_late(settings: Settings) -> list[Activation]:
    """What the log says for closes to come, and those of late.

    Raises:
        LogError: the broker does not answer.
    """
    ends = log_ends(settings)
    own = partition_for(CONTROL, len(ends))
    begin = first_at(kafka_client(settings), [own], time.time_ns() - _OF_LATE)
    offsets = {(LOG, at): begin.get(at, end) for at, end in ends.items()}
    records: list[Activation] = []
    for message in committed(settings, [LOG], offsets):
        if message.key == CONTROL.encode():
            with suppress(DecodeError):  # the engine makes a dead letter of it
                event = decode_event(message.value or b"")
                records += [event] if isinstance(event, Activation) else []
    return records


def _written(path: Path, model: str) -> list[Step]:
    return list(_steps(Activations(path), model))


def _steps(records: Iterable[object], model: str) -> Iterator[Step]:
    for record in records:
        if isinstance(record, Activation) and record.model == model and not record.shadow:
            yield record.effective_close, record.version


def _write(
    settings: Settings, model: str, version: str, close: int, to: Path | None, *, shadow: bool = False,
    reason: str = "", refused: str = "", withdrawn: str = "", failed: bool = False,
) -> Activation:  # fmt: skip
    now = min(time.time_ns(), close - MINUTE) if to is not None else time.time_ns()
    record = Activation(
        instrument_id=CONTROL, ts_event=now, ts_received=now, model=model, version=version, effective_close=close,
        shadow=shadow, reason=_short(reason), refused=refused, withdrawn=withdrawn, failed=failed,
    )  # fmt: skip
    if to is None:
        with LogWriter(kafka_client(settings)) as log:
            log.write(record)
        return record
    try:
        with to.open("ab") as file:
            file.write(encode(record) + b"\n")
    except OSError as error:
        raise FlowError(f"--to {to}: {error.strerror}") from error
    return record


def _short(reason: str) -> str:
    """Without its middle where it is too long: what is about stands at the beginning, and the verdict at the end."""
    half = _REASON // 2 - 2
    return reason if len(reason) <= _REASON else f"{reason[:half]} … {reason[-half:]}"
