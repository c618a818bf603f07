"""The report of a dataset: facts from its records, charts, and one page."""
