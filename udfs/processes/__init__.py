"""Child processes in Python: how they are started, and what they report."""
