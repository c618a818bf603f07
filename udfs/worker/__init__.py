"""The Python worker: its resident model, prefetch thread, daemon and probe."""
