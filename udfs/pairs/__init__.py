"""Pairs to scores and statuses."""
