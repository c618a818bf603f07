"""Tables whose log decides which files and rows count: Delta, Iceberg, and what Spark streams."""
