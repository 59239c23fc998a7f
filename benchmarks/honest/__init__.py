"""Whether the gates let through what earns and nothing else."""
