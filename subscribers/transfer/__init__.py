"""People from elsewhere: files that describe them, and how they come in."""
