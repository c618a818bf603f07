"""From texts to vectors: windows, batches and their order."""
