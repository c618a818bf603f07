"""Where the job runs; knows nothing of texts."""
