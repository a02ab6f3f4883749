"""The watchdog: sees what stands still that should not, and tells the editors of it once."""
