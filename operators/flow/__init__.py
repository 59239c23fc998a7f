"""What happened to quotes, trades and book between two closes: one idea a file."""
