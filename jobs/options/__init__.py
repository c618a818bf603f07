"""What a user can set, as values, words and TOML."""
