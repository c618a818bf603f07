"""Input files, output files and units of work. Independent of models."""
