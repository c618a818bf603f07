"""What is shown of a model before its scores are believed. A proof imports no backend."""
