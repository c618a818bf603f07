"""Other Pythons that do a piece of work: how they are started, and what they say."""
