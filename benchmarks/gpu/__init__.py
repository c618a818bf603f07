"""Measure the engine on one GPU, without Spark: `python -m benchmarks.gpu --help`."""
