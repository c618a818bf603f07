"""Forward passes, one file each."""
