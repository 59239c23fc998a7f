"""What is timed: each module is one process, told its task on standard input, that prints its measure as JSON."""
