"""The `candlewick` command: one module a subcommand, thin over the functions of `flows`."""
