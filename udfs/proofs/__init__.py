"""Tests that a model must pass before it is used. They take callables, and load nothing."""
