"""What is tried out before a model is trusted. A proof is given callables, and loads nothing."""
