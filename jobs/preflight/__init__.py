"""What is settled before OUTPUT begins: checks, the model proved, the precision."""
