"""Run what has to run: stages, workers, kernels, and what is remembered of a result."""
