"""A run's progress as metrics for other systems."""
