"""Texts to vectors: windows, batches, order."""
