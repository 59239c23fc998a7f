"""How fast, beside a floor and beside what one would use instead: `make bench`."""
