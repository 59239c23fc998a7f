"""From a venue's messages to the records of the log: one module a venue, each a few pure functions."""
