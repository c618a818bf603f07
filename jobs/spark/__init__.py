"""Starting, joining and configuring Spark on every platform."""
