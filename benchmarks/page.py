"""The page of figures, ``docs/performance.md``: every word of it but the frame comes from one result."""

from itertools import groupby
from pathlib import Path
from typing import Final

from benchmarks.figures import Result
from benchmarks.report import number, spread, target

__all__ = ["page"]

_PARTS: Final = {
    "throughput": """How many messages a second, on the same log from the same broker, in interleaved runs; ratios are
of one round each, and \"by CPU\" they compare the processes' CPU time. The floor is `consume()` and decoding by one
consumer, nothing else. The engine has recovery, books, bars, features, desk and Kafka sinks on. The plain loop and the
frameworks share one simple class (`benchmarks/jobs/market.py`), which does less: no recovery, no desk, no reordering,
no check for what is late, doubled or lost, one timeframe. Pathway makes bars of trades only, as it has no operators
for a book. One engine has run before the rounds, as a new broker compiles itself meanwhile. In the short form an
engine's first and last second count for a third and more of its time: it signs in with the broker for transactions and
repeats, and writes its last state. CPU time tells it better. Two workers get no further ahead of one
than by the cores that one, its client's threads and the broker leave idle: that limit is told too.""",
    "models": """The engine with a version of 200 trees that serves and models that learn in the stream,
beside the same engine without and the floor, all on one log, with a strategy that has a candidate at every close with
an opinion.""",
    "scaling": """What an event costs the engine with more instruments, in CPU time: of a whole run, of each message
that a longer log has more than a shorter one, and of what comes once an instrument (its book's first snapshot, its
state at the end), which in logs of seconds would else count as cost of the events.""",
    "latency": """From the last heartbeat that closes a bar, handed to the broker, to the signal at a reader of
committed messages, with 30 instruments and 50,000 events a second. The broker has worked at that rate for half a minute
before, as a new one compiles itself meanwhile; what came in the first ten seconds of the closes is told by itself.""",
    "closing": "All timeframes of many instruments end together: from the first closing heartbeat to the last result.",
    "microstructure": """CPU time of the per-instrument step alone, in one process, over the recording: as it
is, and with nothing measured between the closes or read off the book's depth at them.""",
    "indicators": """CPU time of an update of each indicator over the same bars, ours compiled where the engine runs
them so, with ratios to TA-Lib's streaming interface and NautilusTrader, which are compiled, and to talipp, which is
not; and of a whole vector of bar features, all timeframes in turn.""",
    "replay": """`candlewick replay` over 5m bars of five instruments, 17 months of three of them and 12 of two: vectors
of five timeframes, their context, the files; with as many helper processes as it takes by itself, whose CPU time is in
it.""",
    "state": "Recovery state, and what an epoch takes from the source's snapshot to the last sink's.",
    "resume": "kill -9 in the middle of a backlog: from the start of the next engine.",
    "store": """Result topics into an empty TimescaleDB: rows a second from the begin of the first transaction to that
of the last, by the stamps of the rows themselves, and what connecting and the last transaction take beside. The ceiling
is a plain COPY: the same rows, ready as bytes, into the same tables with their indexes and checks, one COPY a table,
with nothing to read from Kafka, to decode or to account for.""",
    "profile": "Where the CPU time of the engine's working thread goes. Timing itself costs some percent.",
}
_HEAD: Final = """# Performance

`make bench` measures all of this on a real Apache Kafka, prints it and keeps it in `benchmarks/out`; `--page` writes
it here. `make bench ARGS=--quick` is a short form, `ARGS="--only latency"` one part. Values are medians, with the least
and the most of all runs. A target that was missed says so."""
_BUSY: Final = """**The machine was busy with other work meanwhile** (`load_before`, for so many `cores`): rates and
times are worse than what it can do, and ratios are uncertain by as much as their spread says. CPU time suffers less."""


def page(result: Result, plots: Path) -> str:
    """Markdown; ``plots`` is where the SVG files lie that it may show."""
    machine = ", ".join(f"{key} {value}" for key, value in result.machine.items() if key not in {"packages", "peers"})
    packages = {**result.machine["packages"], **result.machine["peers"]}
    listed = ", ".join(f"{name} {version}" for name, version in packages.items())
    form = ", short form" if result.quick else ""
    lines = [_HEAD, "", f"Measured on: {machine}. Packages: {listed}. Log: {result.log}{form}."]
    if result.machine["load_before"][0] > 1:
        lines += ["", _BUSY]
    for part, figures in groupby(result.figures, lambda figure: figure.part):
        lines += ["", f"## {part.capitalize()}", "", _PARTS[part], ""]
        if (plots / f"{part}.svg").exists():
            lines += [f"![{part}]({plots.name}/{part}.svg)", ""]
        lines += ["| | value | unit | runs | wanted |", "|---|---|---|---|---|"]
        lines += [
            f"| {one.name} | {number(one.value)} | {one.unit} | {spread(one)} | {target(one)} |" for one in figures
        ]
    return "\n".join(lines) + "\n"
