"""Numbers over time: days and issues are counted once, and pages read what was counted."""
