"""Draws a result as SVG: ``python -m benchmarks.plots latest.json FOLDER``, with the matplotlib beside the peers."""

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "candlewick"  # equal figures give equal files
from matplotlib import pyplot as plt  # noqa: E402, the backend is chosen first

_OURS, _OTHERS = "#d97706", "#94a3b8"


def main() -> None:
    """One file a plot, for the parts that the result has."""
    result, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    figures = result["figures"]
    rates = [one for one in figures if one["part"] == "throughput" and one["unit"] == "thousand messages/s"]
    bars(folder / "throughput.svg", rates, "Thousand messages a second, the same log and broker")
    spent = [one for one in figures if one["part"] == "profile" and one["name"] != "all of these"]
    bars(folder / "profile.svg", spent, "CPU time of the engine's working thread, µs a message")
    costs = [one for one in figures if one["part"] == "scaling" and one["unit"] == "µs/message"]
    bars(folder / "scaling.svg", costs, "Cost of a message, µs, by number of instruments")


def bars(path: Path, figures: list[dict], title: str) -> None:
    """Values as bars, with the least and the most of the runs."""
    if not figures:
        return
    names, values = [one["name"] for one in figures], [one["value"] for one in figures]
    runs = [one.get("runs") or [one["value"]] for one in figures]
    spread = [
        [value - min(run) for value, run in zip(values, runs, strict=True)],
        [max(run) - value for value, run in zip(values, runs, strict=True)],
    ]
    plot, axes = plt.subplots(figsize=(8, 0.9 + 0.36 * len(names)))
    colours = [_OURS if "engine" in name or path.stem != "throughput" else _OTHERS for name in names]
    axes.barh(names, values, color=colours, xerr=spread, ecolor="#334155", capsize=2)
    axes.invert_yaxis()
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    plot.tight_layout()
    plot.savefig(path, metadata={"Date": None})
    plt.close(plot)


if __name__ == "__main__":
    main()
