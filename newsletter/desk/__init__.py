"""The desk: an issue from its plan to its approval."""
