"""Which GPU a task has: discovery, leases, faults."""
