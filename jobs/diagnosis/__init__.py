"""What would end or spoil a run hours from now, found in seconds; one subject in each file."""
