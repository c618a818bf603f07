"""What runs achieved, read from their records: for reports and later plans."""
