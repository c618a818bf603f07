"""One run, from its first unit to its audit."""
