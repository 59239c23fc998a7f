"""Learning and statistics."""
