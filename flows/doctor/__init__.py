"""`candlewick doctor`: what Candlewick stands on, whether it is there, and what to do where it is not."""

from flows.doctor.checkup import examine
from flows.doctor.finding import Finding, State

__all__ = ["Finding", "State", "examine"]
