"""Machines, what fits on them, and where this runs."""
