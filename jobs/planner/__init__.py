"""A plan: a sample of INPUT, this machine's speed, and from these time and cost elsewhere."""
