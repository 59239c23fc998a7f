"""One instrument as its venue sends it: orders meet a book, and every message takes its time to us."""

from math import exp, fsum, sqrt, tanh
from typing import Final

from schemas.market import (
    BookSnapshot,
    FundingRate,
    Liquidation,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Quote,
    Side,
    Trade,
)  # fmt: skip
from schemas.time import MILLISECOND, MINUTE, SECOND
from sources.simulator.book import Book
from sources.simulator.config import Grid, Listing, SimulatorConfig
from sources.simulator.perpetual import Perpetual
from sources.simulator.prices import Coins
from sources.simulator.randomness import exponentials, normals, uniforms

__all__ = ["Feed"]

_LATENCY: Final = 4_000  # µs at least from the venue to us
_JITTER: Final = 3_000  # µs, mean of the exponential on top
_TILT: Final = 0.5  # log size of a level for one deviation of what the book leans to
_FORCED_LEVELS: Final = 4.0  # mean levels that forced orders may take in one step
_OPEN_INTEREST_EVERY: Final = 10 * SECOND


class Feed:
    """An instrument's matching engine and line. One `step` after another; each gives records by ``ts_received``."""

    def __init__(self, config: SimulatorConfig, listing: Listing, coins: Coins) -> None:
        seed, name = config.seed, listing.instrument_id
        self.instrument_id = name
        self._listing, self._coins, self._coin = listing, coins, config.coin_of(listing)
        self._config = config
        self._ticks, self._lots = Grid.of(listing.tick_size), Grid.of(listing.lot_size)
        self._digits = len(str(self._ticks.denominator)) + 1
        self._latency = exponentials(seed, f"latency/{name}")
        self._uniform = uniforms(seed, f"orders/uniform/{name}")
        self._exponential = exponentials(seed, f"orders/exponential/{name}")
        self._ignorance = normals(seed, f"lean/{name}")
        self._memory = [self._ignorance() for _ in range(round(config.horizon * config.steps_per_second))]
        self.perpetual = Perpetual(config, listing, exp(coins.logs[self._coin])) if listing.perpetual else None
        self._lean = 0.0
        self._out: list[MarketEvent] = []
        self._received_last = 0
        self._trade_sequence = 0
        self._wait = self._exponential()
        self._traded = 0
        self._quoted: tuple[float, float, float, float] | None = None
        bid, ask = self._best()
        self.book = Book(config, listing, bid=bid, ask=ask)

    def open(self, ts: int) -> list[MarketEvent]:
        """The first records: a book snapshot, its quote, and what is known of a perpetual."""
        self._out = []
        self._out.append(self.book.snapshot(ts, self._received(ts)))
        self._quote(ts)
        self._second(ts)
        return self._out

    def step(self, ts: int) -> list[MarketEvent]:
        """The records of the step that ends at ``ts`` (ns): orders arrive, then the book follows the price."""
        self._out = []
        self._orders(ts - self._config.step)
        if self.perpetual is not None:
            self.perpetual.advance(self._coins.last[self._coin])
            self._forced(ts)
        self._lean = self._next_lean()
        bid, ask = self._best()
        self.book.move(bid, ask, exp(_TILT * self._lean))
        self._tell(ts)
        if (ts - self._config.start) % SECOND == 0:
            self._second(ts)
        return self._out

    def snapshot(self, ts: int) -> BookSnapshot:
        """The book at ``ts``, the end of the last step: received after all that was sent before."""
        return self.book.snapshot(ts, max(ts, self._received_last))

    def _next_lean(self) -> float:
        """What book and traders lean to: the future by ``edge``, the rest an ignorance of the same memory."""
        memory = self._memory
        memory.append(self._ignorance())
        del memory[0]
        edge = self._config.edge
        ignorance = fsum(memory) / sqrt(len(memory))
        return edge * self._coins.future[self._coin] + sqrt(1.0 - edge * edge) * ignorance

    def _best(self) -> tuple[int, int]:
        """Where the best bid and ask belong, in ticks."""
        basis = self.perpetual.basis if self.perpetual is not None else 0.0
        ticks = exp(self._coins.logs[self._coin] + basis) * self._ticks.denominator / self._ticks.numerator
        stress = 1.0 + (self._config.faults.flash_crash.spread - 1.0) * self._coins.stress
        width = max(1, round(ticks * self._listing.spread * stress * (0.5 + self._uniform())))
        # Far above the floor, which keeps a whole book of positive prices below.
        bid = max(2 * self._config.levels, int(ticks - 0.5 * width + 0.5))
        return bid, bid + width

    def _orders(self, begin: int) -> None:
        """Market orders of a step: a Poisson process, busier when volatility is high."""
        step = self._config.step
        left = self._listing.trades_per_second * self._coins.activity * step / SECOND
        count = 0
        while self._wait <= left:
            left -= self._wait
            self._wait = self._exponential()
            count += 1
        self._wait -= left
        # Buyers follow the last move and what they know of the next ones.
        buying = 0.5 + 0.2 * tanh(self._lean) + 0.15 * tanh(self._coins.last[self._coin])
        mean = 0.5 * self._listing.trade_size / self._listing.lot_size
        for i in range(count):
            passed = int((i + self._uniform()) / count * step)
            side: Side = "buy" if self._uniform() < buying else "sell"
            # The square of an exponential number has mean 2 and a long tail.
            self._execute(begin + passed - passed % MILLISECOND, side, 1 + int(mean * self._exponential() ** 2))

    def _forced(self, ts: int) -> None:
        perpetual = self.perpetual
        if perpetual is None or perpetual.forced == [0, 0]:
            return
        most = max(1, int(_FORCED_LEVELS * self._listing.level_size / self._listing.lot_size))
        sides: tuple[tuple[int, Side], ...] = ((0, "sell"), (1, "buy"))
        for which, side in sides:
            lots = min(perpetual.forced[which], most)
            if not lots:
                continue
            perpetual.forced[which] -= lots
            perpetual.push(-lots if side == "sell" else lots)
            bid, _, ask, _ = self.book.top()
            self._out.append(
                Liquidation(
                    instrument_id=self.instrument_id, ts_event=ts, ts_received=self._received(ts), side=side,
                    price=bid if side == "sell" else ask, size=self._lots.value(lots),
                )
            )  # fmt: skip
            self._execute(ts, side, lots)

    def _execute(self, ts: int, side: Side, lots: int) -> None:
        """A market order: a trade for each level it meets, then the book that is left."""
        ticks = self._ticks
        resting, sign = (self.book.asks, 1) if side == "buy" else (self.book.bids, -1)
        for key, filled in resting.take(lots):
            self._trade_sequence += 1
            self._traded += filled
            self._out.append(
                Trade(
                    instrument_id=self.instrument_id, ts_event=ts, ts_received=self._received(ts),
                    price=ticks.value(sign * key),
                    size=self._lots.value(filled), aggressor_side=side,
                    trade_id=str(self._trade_sequence), sequence=self._trade_sequence,
                )
            )  # fmt: skip
        self._tell(ts)

    def _tell(self, ts: int) -> None:
        if self.book.bids.changes or self.book.asks.changes:
            self._out.append(self.book.delta(ts, self._received(ts)))
            self._quote(ts)

    def _quote(self, ts: int) -> None:
        top = self.book.top()
        if top == self._quoted:
            return
        self._quoted = top
        self._out.append(
            Quote(
                instrument_id=self.instrument_id, ts_event=ts, ts_received=self._received(ts), bid_price=top[0],
                bid_size=top[1], ask_price=top[2], ask_size=top[3], sequence=self.book.sequence,
            )
        )  # fmt: skip

    def _second(self, ts: int) -> None:
        perpetual = self.perpetual
        if perpetual is None:
            return
        bid, _, ask, _ = self.book.top()
        index = exp(self._coins.logs[self._coin])
        mark, settled = perpetual.second(ts, 0.5 * (bid + ask), index, self._traded)
        self._traded = 0
        funding = perpetual.funding
        self._out.append(
            MarkPrice(
                instrument_id=self.instrument_id, ts_event=ts, ts_received=self._received(ts),
                price=round(mark, self._digits), index_price=round(index, self._digits), funding_rate=funding.rate,
                next_funding=funding.next,
            )
        )  # fmt: skip
        passed = ts - self._config.start
        if settled or passed % MINUTE == 0:
            self._out.append(
                FundingRate(
                    instrument_id=self.instrument_id, ts_event=ts, ts_received=self._received(ts),
                    rate=funding.rate, next_funding=funding.next, interval=funding.interval,
                )
            )  # fmt: skip
        if passed % _OPEN_INTEREST_EVERY == 0:
            size = self._lots.value(round(perpetual.positions.open_interest))
            self._out.append(
                OpenInterest(
                    instrument_id=self.instrument_id, ts_event=ts, ts_received=self._received(ts),
                    open_interest=size, notional=round(size * mark, 2),
                )
            )  # fmt: skip

    def _received(self, ts: int) -> int:
        """When a message sent at ``ts`` arrives: never before the one sent before it."""
        received = ts + (_LATENCY + int(_JITTER * self._latency())) * 1_000
        self._received_last = received = max(received, self._received_last)
        return received
