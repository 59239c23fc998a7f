"""What is measured: each module is one part of a run."""
