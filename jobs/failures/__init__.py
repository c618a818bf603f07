"""Causes of errors, and the messages for them, extracted from Python's and Java's stack traces."""
