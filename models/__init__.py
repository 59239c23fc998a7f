"""Learning and statistics; nothing here yet."""
