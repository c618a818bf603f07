"""A run as a SageMaker processing job: what is sent, and what comes back."""
