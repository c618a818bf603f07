"""Whose fault an error is, and what it says: out of Python's and Java's stack traces."""
