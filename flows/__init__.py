"""Dataflows put together from the other packages, settings, and the `candlewick` command."""
