"""What the driver does when a column is made: it settles the recipe, and sends the model."""
