"""Model folders: fetching, checks, content hash, kind, token limits, FLOPs."""
