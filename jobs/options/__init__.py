"""The options of a run: as values, as arguments of the command, and in TOML."""
