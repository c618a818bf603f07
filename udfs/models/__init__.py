"""A model's name to a folder that can be trusted: fetch, check, hash, kind, limits, FLOPs."""
