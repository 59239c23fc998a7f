"""What happens to the stream: pure classes that give the same bytes for the same log, and a thin Bytewax side."""
