"""The report of a run: facts from its records, charts, one page."""
