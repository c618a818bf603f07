"""Exactly once: lease, records, seals."""
