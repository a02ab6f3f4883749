"""Preflight: what is wrong with an issue before it leaves, where, and how it is mended."""
