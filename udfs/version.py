"""The version, stated once: packaging, records, jobs/ and udfs/ all read it from here."""

__version__ = "0.1.0"
"""The version of semscore.

Examples:
    >>> import semscore
    >>> semscore.__version__.count(".")
    2
"""
