"""The one place that states the version: packaging, records and both halves read it here."""

__version__ = "0.1.0"
