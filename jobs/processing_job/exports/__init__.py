"""A run in the form of another scheduler: `semscore launch --export FORMAT`."""
