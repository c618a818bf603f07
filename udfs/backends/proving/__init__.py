"""A model is loaded once and proved before workers trust it."""
