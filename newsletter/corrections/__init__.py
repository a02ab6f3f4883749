"""Corrections: what was told wrong, and who is to hear of it."""
