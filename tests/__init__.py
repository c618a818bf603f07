"""Tests, and real servers for them in services/."""
