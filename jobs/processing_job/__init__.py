"""A run as a SageMaker processing job: submit it, follow it, and report how it ended."""
