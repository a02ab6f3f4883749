"""Step 1: what sources tell becomes stories; reports of one event become one story."""
