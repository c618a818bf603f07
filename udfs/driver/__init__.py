"""What the driver does when a column is made: it checks the recipe, and sends the model."""
