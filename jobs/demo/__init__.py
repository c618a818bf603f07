"""A demo dataset made from the installed Python's own docstrings: no network, no download."""
