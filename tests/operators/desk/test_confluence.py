"""The rule strategy's opinion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.config import StrategyConfig
from operators.desk.confluence import USED, judge
from operators.features import CATALOGUE
from tests.operators.desk.support import CALM, FALLING, RISING, vector
from tests.operators.support import QUICK

ALWAYS = StrategyConfig(threshold=1e-9)
VALUES = st.fixed_dictionaries(
    {
        "ema_20": st.none() | st.floats(1, 200), "ema_50": st.none() | st.floats(1, 200),
        "atr_14": st.none() | st.floats(0, 50), "rsi_14": st.none() | st.floats(0, 100),
        "tfi": st.none() | st.floats(-1, 1), "obi_10": st.none() | st.floats(-1, 1),
        "microprice": st.none() | st.floats(1, 200), "microprice_bps": st.none() | st.floats(-50, 50),
        "spread_bps": st.none() | st.floats(0, 100),
    }
)  # fmt: skip


@QUICK
@given(values=VALUES)
def test_contributions_sum_to_the_score(values: dict[str, float | None]) -> None:
    opinion = judge(vector(1, values), ALWAYS)
    if opinion is None:
        return
    assert sum(factor.contribution for factor in opinion.factors) == pytest.approx(abs(opinion.score), abs=1e-12)
    assert 0 < abs(opinion.score) <= 1
    assert opinion.direction == ("long" if opinion.score > 0 else "short")
    contributions = [factor.contribution for factor in opinion.factors]
    assert contributions == sorted(contributions, reverse=True)
    assert all(factor.contribution and factor.words for factor in opinion.factors)
    assert all(values[factor.feature] == factor.value for factor in opinion.factors)


@QUICK
@given(values=VALUES)
def test_the_mirrored_market_has_the_mirrored_opinion(values: dict[str, float | None]) -> None:
    mirror = dict(values)
    for name in ("tfi", "obi_10", "microprice_bps"):
        value = values[name]
        mirror[name] = None if value is None else -value
    mirror["ema_20"], mirror["ema_50"] = values["ema_50"], values["ema_20"]
    if values["rsi_14"] is not None:
        mirror["rsi_14"] = 100 - values["rsi_14"]
    one, other = judge(vector(1, values), ALWAYS), judge(vector(1, mirror), ALWAYS)
    if one is None or other is None:
        return
    assert other.score == pytest.approx(-one.score, abs=1e-9)
    assert other.unknown == one.unknown


def test_words() -> None:
    up, down = judge(vector(1, RISING), StrategyConfig()), judge(vector(1, FALLING), StrategyConfig())
    assert up is not None
    assert down is not None
    assert {factor.feature: factor.words for factor in up.factors} == {
        "ema_20": "EMA 20 lies 1.0 ATR above EMA 50",
        "rsi_14": "RSI 14 at 70 shows rising momentum",
        "tfi": "aggressive buyers exceed sellers by 50% of the volume",
        "obi_10": "ten levels of the book hold 40% more bids than asks, over their sum",
        "microprice_bps": "the microprice leans to the ask",
    }
    assert {factor.feature: factor.words for factor in down.factors} == {
        "ema_20": "EMA 20 lies 1.0 ATR below EMA 50",
        "rsi_14": "RSI 14 at 30 shows falling momentum",
        "tfi": "aggressive sellers exceed buyers by 50% of the volume",
        "obi_10": "ten levels of the book hold 40% more asks than bids, over their sum",
        "microprice_bps": "the microprice leans to the bid",
    }


def test_too_little_agreement_is_no_opinion() -> None:
    assert judge(vector(1, CALM), StrategyConfig()) is None
    assert judge(vector(1, {}), ALWAYS) is None
    score = judge(vector(1, RISING), ALWAYS)
    assert score is not None
    assert judge(vector(1, RISING), StrategyConfig(threshold=score.score)) is not None
    assert judge(vector(1, RISING), StrategyConfig(threshold=score.score + 1e-9)) is None


def test_what_is_not_known_is_named() -> None:
    opinion = judge(vector(1, {**RISING, "tfi": None, "atr_14": None, "spread_bps": None}), ALWAYS)
    assert opinion is not None
    assert opinion.unknown == ["ema_20", "tfi", "microprice_bps"]


def test_all_that_it_uses_is_in_the_catalogue() -> None:
    assert set(USED) <= {feature.name for feature in CATALOGUE}
    assert set(USED) == set(RISING) - {"spread"}
