"""`candlewick heatmap`."""

from statistics import mean
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from flows.errors import FlowError
from flows.feeds import Feed, recorded_feed, simulated_feed
from flows.heatmap import Truth, watched
from flows.progress import shown
from models.levels import CONCLUSIVE, Score, scores
from schemas.time import DAY, SECOND, TIMEFRAME_NS, Timeframe
from sources.malformed import Malformed
from sources.simulator import Simulator, SimulatorConfig

__all__ = ["heatmap"]

_WIDTH: Final = 100


def heatmap(
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="[INPUT]...", help="PATH, VENUE=PATH or INSTRUMENT=PATH")
    ] = None,
    *,
    venue: Annotated[str | None, typer.Option(help="Whose messages the tape holds; not for own recordings")] = None,
    instrument: Annotated[str | None, typer.Option(help="Of tables (CSV, Parquet) that name none themselves")] = None,
    timeframe: Annotated[
        Timeframe, typer.Option(help="Closes at which levels are predicted; of bars in tables")
    ] = "5m",
    hours: Annotated[float, typer.Option(min=0.01, max=10_000, help="In which a level is to be reached")] = 24.0,
    simulate: Annotated[
        float | None, typer.Option(metavar="DAYS", min=0.01, max=400, help="A simulated market, and the truth")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the simulation and of the drawn baselines")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="The scores as JSON")] = False,
) -> None:
    """Score the estimated liquidation levels against mirrored, time-shifted and volatility-matched ones."""
    if bool(inputs) == (simulate is not None):
        raise FlowError("heatmap needs either INPUT... or --simulate DAYS")
    truth: Truth | None = None
    if simulate is None:
        feed = recorded_feed(inputs or [], venue, instrument=instrument, timeframe=timeframe)
    else:
        feed, truth = _simulated(simulate, seed)
    refused: list[Malformed] = []
    with shown(feed) as items:
        watches = watched(items, timeframe, truth, refused.append)
    if refused:
        first = refused[0]
        typer.echo(
            f"left out: {len(refused):,} that are no records, the first at {first.place}: {first.reason}", err=True
        )
    what = ", ".join(inputs or ["the simulation"])
    if not watches:
        raise FlowError(f"{what}: no open interest in it, so nothing to estimate from")
    if not any(watch.samples for watch in watches.values()):
        raise FlowError(f"{what}: no price of a whole {timeframe} beside the open interest, so nothing to predict at")
    horizon = max(1, round(hours * 3_600 * SECOND / TIMEFRAME_NS[timeframe]))
    found = {name: scores(watch.samples, horizon, seed) for name, watch in watches.items() if watch.samples}
    overlaps = {} if truth is None else {name: _means(pairs) for name, pairs in truth.overlaps.items()}
    if as_json:
        plain = {
            name: [{**score._asdict(), "verdict": score.verdict} for score in rows] for name, rows in found.items()
        }
        typer.echo(msgspec.json.encode({"scores": plain, "overlaps": overlaps}))
        return
    console = Console()
    console.width = max(console.width, _WIDTH)
    for name, rows in found.items():
        console.print(_table(f"{name}, {len(watches[name].samples):,} closes of {timeframe}", rows))
    for name, (ours, mirrored, count) in overlaps.items():
        typer.echo(
            f"{name}: overlap with the truth {ours:.3f}, of the mirror image {mirrored:.3f}, mean of {count} hours"
        )


def _simulated(days: float, seed: int) -> tuple[Feed, Truth]:
    simulator = Simulator(SimulatorConfig(seed=seed, start=1_704_067_200 * SECOND, duration=round(days * DAY)))
    return simulated_feed(simulator), Truth(simulator)


def _means(pairs: list[tuple[float, float]]) -> tuple[float, float, int]:
    return mean(one for one, _ in pairs), mean(other for _, other in pairs), len(pairs)


def _table(title: str, rows: list[Score]) -> Table:
    table = Table("measure", "baseline", "episodes", "ours", "theirs", "95 %", "verdict", title=title, box=None)
    for row in rows:
        table.add_row(row.measure, row.baseline, f"{row.episodes:,}", *_figures(row), row.verdict)
    table.caption = f"95 %: of ours - theirs; below {CONCLUSIVE} episodes nothing is concluded"
    return table


def _figures(row: Score) -> tuple[str, str, str]:
    if not row.episodes:
        return "", "", ""
    return f"{row.ours:+.3f}", f"{row.theirs:+.3f}", f"{row.low:+.3f} .. {row.high:+.3f}"
