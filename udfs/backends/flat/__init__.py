"""Texts without padding: one after another in one row, on a CPU or a GPU."""
