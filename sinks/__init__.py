"""Where results go: Kafka in two lanes, TimescaleDB, files; and the read queries over what is stored."""
