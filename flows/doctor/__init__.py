"""`candlewick doctor`: what Candlewick stands on, whether it is there, and what to do where it is not."""

from flows.doctor.examine import examine
from flows.doctor.finding import Finding, State

__all__ = ["Finding", "State", "examine"]
