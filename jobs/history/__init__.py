"""The records of past runs, read for reports and for plans of later runs."""
