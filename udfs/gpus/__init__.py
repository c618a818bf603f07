"""The GPU of a task: discovery, leases, faults."""
