"""Scores against labels that people gave: reading them, correlation, choosing a threshold."""
