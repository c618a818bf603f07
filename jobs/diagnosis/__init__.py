"""Checks that find in seconds what would break or slow a run hours later; one topic per file."""
