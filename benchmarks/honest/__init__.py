"""Whether the gates let through what earns and nothing else, and the comparison what is better."""
