"""A seeded simulator of several correlated instruments: a market to try everything on, with faults to switch on."""

from sources.simulator.config import COINS, LISTINGS, Coin, Listing, SimulatorConfig, SimulatorError
from sources.simulator.faults import Duplicate, Faults, FlashCrash, Gap, Garbage, Late, Outage
from sources.simulator.positions import TruePosition
from sources.simulator.simulator import Simulator

__all__ = [
    "COINS", "LISTINGS", "Coin", "Duplicate", "Faults", "FlashCrash", "Gap", "Garbage", "Late", "Listing", "Outage",
    "Simulator", "SimulatorConfig", "SimulatorError", "TruePosition",
]  # fmt: skip
