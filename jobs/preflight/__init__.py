"""Steps before a run writes to OUTPUT: checks, proving the model, choosing the precision."""
