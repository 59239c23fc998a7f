"""Where records come from: the Kafka log, tapes, the simulator, users' own topics, and what makes a log of them."""
