"""The executors' side of semscore: text pairs in, similarity scores out. Knows nothing of jobs/."""
