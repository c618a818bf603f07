"""What an operator edits: Spark settings, one file per platform."""
