"""Build a demo dataset from the docstrings of the installed Python, without network access."""
