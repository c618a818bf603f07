"""Backends, which run the forward pass of a model."""
