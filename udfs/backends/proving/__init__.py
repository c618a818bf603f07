"""Proving: a model is loaded and tested once before workers use it."""
