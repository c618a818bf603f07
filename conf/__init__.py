"""Settings for operators to edit: Spark settings, one file per platform."""
