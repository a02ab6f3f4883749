"""Dispatch, step 6: hand what is due to the provider, at most once each, and record what became of it."""
