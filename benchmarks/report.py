"""Figures as text: a table for the terminal, and the page."""

from benchmarks.figures import Figure, Result

__all__ = ["table"]


def table(result: Result) -> str:
    """For the terminal."""
    lines = [f"{key}: {value}" for key, value in result.machine.items()]
    lines += [f"log: {result.log}", ""]
    part = ""
    for figure in result.figures:
        if figure.part != part:
            part = figure.part
            lines.append(part)
        value = f"{number(figure.value):>10} {figure.unit:<20}"
        lines.append(f"  {figure.name:<42} {value} {spread(figure):<18} {target(figure)}".rstrip())
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(figure: Figure) -> str:
    """Least to most of the runs."""
    return f"{number(min(figure.runs))} to {number(max(figure.runs))}" if len(figure.runs) > 1 else ""


def target(figure: Figure) -> str:
    """What was meant, and whether it was met."""
    if figure.met is None:
        return ""
    bounds = [f"≥ {number(figure.at_least)}"] if figure.at_least is not None else []
    bounds += [f"≤ {number(figure.at_most)}"] if figure.at_most is not None else []
    return f"{', '.join(bounds)}: {'yes' if figure.met else 'no'}"
