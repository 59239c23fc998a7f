"""What `candlewick demo` brings with it instead of servers of your own."""
