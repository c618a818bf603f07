"""Scores and statuses of text pairs."""
