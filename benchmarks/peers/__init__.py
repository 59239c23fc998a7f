"""The same job by others, as their documentation shows it; run with the packages of `benchmarks/requirements.txt`."""
