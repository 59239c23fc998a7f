"""The catalogue's entries of what is told across instruments."""

from typing import Any, Final

from operators.desk.returns import LAGS, RECENT, WINDOW
from operators.feature import Feature

__all__ = ["APART", "ENTRIES", "FEATURES", "LEAST", "RANK", "STRENGTH"]

STRENGTH: Final = 20
"""Bars of the return in relative strength; the vector has it."""
APART: Final = -3.0
"""Standard errors by which a correlation has to fall to be told as decorrelation."""
RANK: Final = f"return_{STRENGTH}_rank"
LEAST: Final = 3
"""Instruments that make a cross-section."""


def _entry(
    name: str, unit: str, summary: str, formula: str, source: str, null: str, bars: int, *, before: int = 0, **more: Any
) -> Feature:
    """Of ``bars`` returns, and as it was up to ``before`` closes earlier."""
    seen = bars + before + 1
    return Feature(
        name=name, unit=unit, summary=summary, formula=formula, source=source, null=null, inputs=("members",),
        ready=bars + 1, memory=seen, warm_up=seen, **more,
    )  # fmt: skip


def _beside(of: str, name: str, null: str) -> tuple[Feature, ...]:
    """Those of an instrument beside ``of``, in the order of `CrossSection`."""
    regression, fisher, leading = "Sharpe 1963", "Fisher 1921", "Campbell, Lo, MacKinlay 1997, chapter 2"
    mean = "; r_sector: mean return_1 of the sector's other members" if of == "sector" else ""
    null = f"a bar in the window is missing for one of both, or one has not moved; {null}"
    far = WINDOW + RECENT
    return (
        _entry(
            f"corr_{of}_{WINDOW}", "ratio", f"Correlation of returns with {name}",
            f"corr_{WINDOW}(return_1, r_{of}){mean}", "Pearson 1896", null, WINDOW, low=-1.0, high=1.0,
        ),
        _entry(
            f"beta_{of}_{WINDOW}", "ratio", f"Slope of returns on those of {name}, by least squares",
            f"cov_{WINDOW}(return_1, r_{of}) / var_{WINDOW}(r_{of}){mean}", regression, null, WINDOW,
        ),
        _entry(
            f"lead_{of}", "bars", f"By how many bars {name} leads; negative: follows",
            f"k from -{LAGS} to {LAGS} with the largest |corr_{WINDOW}(return_1, r_{of}[t-k])|", leading, null,
            WINDOW + LAGS, low=-float(LAGS), high=float(LAGS),
        ),
        _entry(
            f"lead_{of}_corr", "ratio", f"Correlation at lead_{of}", f"corr_{WINDOW}(return_1, r_{of}[t-lead_{of}])",
            leading, null, WINDOW + LAGS, low=-1.0, high=1.0,
        ),
        _entry(
            f"corr_{of}_shift", "deviations",
            f"Correlation with {name} of the last {RECENT} bars against that of {WINDOW} before",
            f"(atanh(corr_{RECENT}) - atanh(corr_{WINDOW}[t-{RECENT}])) / sqrt(1/{RECENT - 3} + 1/{WINDOW - 3}), "
            "|corr| at most 0.999999", fisher, null, far,
        ),
        _entry(
            f"decorrelation_{of}", "flag", f"Came apart from {name} at this close",
            f"corr_{of}_shift <= {APART:g}, and not so at the close before", fisher, null, far, before=1, low=0.0,
            high=1.0,
        ),
        _entry(
            f"rs_{of}_{STRENGTH}", "ratio", f"Relative strength: the return over {STRENGTH} bars against {name}",
            f"(1 + return_{STRENGTH}) / (1 + {'mean ' if mean else ''}return_{STRENGTH} of {of}) - 1", "Levy 1967",
            null, STRENGTH, low=-1.0,
        ),
    )  # fmt: skip


_FEW: Final = f"fewer than {LEAST} members with such a return; tainted where a member has none"

ENTRIES: Final = (
    *((feature, "btc") for feature in _beside("btc", "BTC", "BTC itself; market.btc is no member")),
    *(
        (feature, "sector")
        for feature in _beside(
            "sector", "the others of its sector", "it is in none of market.sectors, or the only member of it"
        )
    ),
    *(
        (
            _entry(
                f"corr_{a}_{b}_{WINDOW}", "ratio", f"Correlation of {a.upper()} and {b.upper()} themselves",
                f"corr_{WINDOW}(return_1 of {a}, return_1 of {b})", "Pearson 1896",
                f"a bar in the window is missing for one of both, or one has not moved; market.{a} or market.{b} is no "
                "member", WINDOW, low=-1.0, high=1.0,
            ),
            "majors",
        )
        for a, b in (("btc", "eth"), ("btc", "sol"), ("eth", "sol"))
    ),
    (
        _entry(
            "dispersion", "ratio", "Standard deviation of all members' returns at this close",
            "stddev over members(return_1)", "Christie, Huang 1995", _FEW, 1, low=0.0,
        ),
        "all",
    ),
    (
        _entry(
            RANK, "ratio", "Rank among all members: 0 the weakest, 1 the strongest",
            f"(members below + half of those equal) / (members - 1), by return_{STRENGTH}", "Jegadeesh, Titman 1993",
            _FEW, STRENGTH, low=0.0, high=1.0,
        ),
        "all",
    ),
    (
        _entry(
            "members_gap", "flag", "1 if the return of a member at this close is missing or spans a loss; else 0",
            "1 if return_1 of any member is not there or tainted, else 0", "quality.gaps", "never", 0, low=0.0,
            high=1.0,
        ),
        "all",
    ),
)  # fmt: skip
"""Each with whose returns go into it."""

FEATURES: Final = tuple(feature for feature, _ in ENTRIES)
