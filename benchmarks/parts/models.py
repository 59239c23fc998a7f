"""What models cost the flow: the engine with a version that serves and models that learn in the stream, beside the same
without and the floor, on the same log.
"""

from typing import Final

import msgspec

from benchmarks.broker import Stage
from benchmarks.context import Context
from benchmarks.data import Written, copies
from benchmarks.figures import Figure, of_runs
from benchmarks.models import version_for
from flows.committed import committed
from models.registry import Registry
from operators.desk.serving import PROGRAM
from schemas.codec import encode
from schemas.market import CONTROL, Activation
from schemas.partitioner import partition_for
from schemas.signals import Signal

__all__ = ["NAME", "measure"]

NAME: Final = "models"
_STRATEGY: Final = {"threshold": 0.25, "cooldown_bars": 0}
"""Of both engines: as many candidates as there are closes with an opinion."""


def measure(context: Context) -> list[Figure]:
    """Rates and their ratios, each ratio within one round."""
    instruments, seconds = (6, 300.0) if context.quick else (30, 400.0)
    registry = context.scratch()
    manifest, files = version_for(PROGRAM)
    version = Registry(registry).add(manifest, files, PROGRAM)
    log = list(copies(context.path, instruments=instruments, seconds=seconds, history=60))
    at = context.empty([_activation(manifest.model, version, log[0]), *log], instruments)
    at.topic("features")
    serving = {"dir": str(registry), "online": True, "min_probability": 0.0}
    rounds = context.interleaved(
        {
            "floor": lambda: context.job("floor", at),
            "engine": lambda: context.engine(at, strategy=_STRATEGY, models={"given_up": [version]}),
            "engine with models": lambda: context.engine(at, strategy=_STRATEGY, models=serving),
        }
    )
    spoken, candidates = _spoken(context, at)
    figures = [Figure(part=NAME, name="candidates", value=candidates, unit="candidates")]
    figures.append(Figure(part=NAME, name="judged by a model", value=spoken, unit="candidates", at_least=1))
    figures += [
        of_runs(NAME, name, [done[name].rate / 1_000 for done in rounds], "thousand messages/s") for name in rounds[0]
    ]
    for over, under, target in (
        ("engine with models", "floor", {"at_least": 0.25}), ("engine with models", "engine", {}),
    ):  # fmt: skip
        runs = [done[over].rate / done[under].rate for done in rounds]
        figures.append(of_runs(NAME, f"{over} / {under}", runs, "ratio", **target))
        spent = [(done[under].cpu / done[under].messages) / (done[over].cpu / done[over].messages) for done in rounds]
        figures.append(of_runs(NAME, f"{over} / {under}, by CPU", spent, "ratio"))
    return figures


def _activation(model: str, version: str, first: Written) -> Written:
    """That ``version`` serves from the first close on."""
    ts = first.ts_received
    record = Activation(
        instrument_id=CONTROL, ts_event=ts, ts_received=ts, model=model, version=version, effective_close=ts
    )
    return Written(CONTROL, partition_for(CONTROL, 12), encode(record), ts, b"activation")


def _spoken(context: Context, at: Stage) -> tuple[int, int]:
    """Of the last engine's candidates: how many a model has judged, and how many there are."""
    messages = committed(context.settings(at, context.scratch()), ["signals.candidates"])
    signals = [msgspec.json.decode(message.value or b"", type=Signal) for message in messages]
    return sum(bool(signal.models) for signal in signals), len(signals)
