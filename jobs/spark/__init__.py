"""The Spark session on any platform."""
