"""Segments: rules over subscribers that editors write, save, and have explained and counted."""
