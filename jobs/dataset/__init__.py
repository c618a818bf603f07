"""Files in, files out; knows nothing of models."""
