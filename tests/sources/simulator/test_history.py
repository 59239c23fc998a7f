"""The bars of the time before the start."""

from itertools import islice, pairwise

import numpy as np
import pytest

from schemas.codec import decode_event, encode
from schemas.market import ExchangeBar, Liquidation, Quote, Trade
from schemas.time import DAY, MINUTE, SECOND
from sources.simulator import LISTINGS, Simulator, SimulatorError
from sources.simulator.prices import YEAR
from tests.sources.simulator.support import NAMES, START, config, hour, of_type


def bars(days: float = 1.0, until: int = START, **changes: object) -> dict[str, list[ExchangeBar]]:
    found: dict[str, list[ExchangeBar]] = {name: [] for name in NAMES}
    for bar in Simulator(config(**changes)).history_bars(until, days):
        found[bar.instrument_id].append(bar)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_day_has_its_minutes_one_after_another(name: str) -> None:
    own = bars()[name]
    assert [bar.ts_open for bar in own] == [START - DAY + i * MINUTE for i in range(1440)]
    assert all(bar.ts_event == bar.ts_received == bar.ts_open + MINUTE for bar in own)
    assert all(a.close == b.open for a, b in pairwise(own))
    assert all(decode_event(encode(bar)) == bar for bar in own)
    for bar in own:
        assert bar.buy_volume is not None
        assert bar.notional is not None
        assert 0 <= bar.buy_volume <= bar.volume
        assert bar.low * bar.volume * 0.999 <= bar.notional <= bar.high * bar.volume * 1.001


@pytest.mark.parametrize("name", NAMES)
def test_the_last_close_is_about_the_first_price(name: str) -> None:
    first = next(quote for quote in of_type(Quote, hour()[1], name))
    assert bars(0.01)[name][-1].close == pytest.approx(0.5 * (first.bid_price + first.ask_price), rel=1e-4)


def test_history_comes_minute_by_minute_and_is_the_same_each_time() -> None:
    simulator = Simulator(config())
    next(simulator)
    some = list(simulator.history_bars(days=0.5))
    assert [bar.ts_received for bar in some] == sorted(bar.ts_received for bar in some)
    assert some == list(Simulator(config()).history_bars(START, 0.5))
    assert [bar.instrument_id for bar in some[:4]] == NAMES


def test_a_trend_stays_a_while() -> None:
    own = bars(6.0, trend=0.3, volatility_spread=0.0, intraday=0.0)[NAMES[0]]
    moves = np.diff(np.log([bar.close for bar in own[::30]]))
    assert np.corrcoef(moves[1:], moves[:-1])[0, 1] > 0.2  # of half-hours; half of a drift is left after 45 minutes


def test_history_moves_as_the_simulation_does() -> None:
    own = bars(20.0, volatility_spread=0.0, intraday=0.0, tail_degrees=100.0)
    returns = np.array([np.diff(np.log([bar.close for bar in own[name]])) for name in NAMES])
    a_year = returns.std(axis=1) * np.sqrt(YEAR / MINUTE)
    assert a_year == pytest.approx([0.55, 0.55, 0.70, 0.90], rel=0.03)
    assert np.corrcoef(returns)[1, 2] == pytest.approx(0.7, abs=0.02)
    # Parkinson (1980): the mean squared log range of a Brownian motion is 4 ln 2 times its variance.
    ranges = np.array([np.log(bar.high / bar.low) for bar in own[NAMES[0]]])
    assert np.mean(ranges**2) / (4 * np.log(2)) == pytest.approx(returns[0].var(), rel=0.15)


def test_history_trades_as_much_as_the_simulation() -> None:
    simulated = list(Simulator(config(duration=1_800 * SECOND, volatility_spread=0.0, intraday=0.0)))
    own = bars(1.0, volatility_spread=0.0, intraday=0.0)
    for listing in LISTINGS:
        traded = sum(trade.size for trade in of_type(Trade, simulated, listing.instrument_id))
        forced = sum(order.size for order in of_type(Liquidation, simulated, listing.instrument_id))
        live = (traded - forced) / 30
        past = sum(bar.volume for bar in own[listing.instrument_id]) / 1440
        assert live == pytest.approx(past, rel=0.13)
        assert past == pytest.approx(120 * listing.trade_size, rel=0.05)


def test_history_ends_at_a_whole_minute() -> None:
    (bar, *_) = islice(Simulator(config()).history_bars(START + 59 * SECOND, 1 / 1440), 4)
    assert bar.ts_event == START


def test_a_length_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(SimulatorError, match="days = -1"):
        Simulator(config()).history_bars(START, -1)
