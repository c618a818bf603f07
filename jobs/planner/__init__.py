"""Plans: sample INPUT, measure this machine, and predict time and cost on other hosts."""
