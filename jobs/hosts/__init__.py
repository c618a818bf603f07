"""Hosts: their types, the executors that fit on them, and the host of this process."""
