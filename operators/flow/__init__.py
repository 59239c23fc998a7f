"""What happened to quotes, trades and book between two closes, and how the book stands then: one idea a file."""
