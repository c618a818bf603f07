"""A Python worker's life: its resident model, prefetch, daemon, probe."""
