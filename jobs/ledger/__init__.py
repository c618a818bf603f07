"""Exactly-once output: the lease, the records and the seals."""
