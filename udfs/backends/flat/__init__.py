"""Texts without padding on a CPU: one after another in one row, with weights laid out once."""
