"""Counting what is opened and followed, where a newsletter wants it: off unless `tracking` says otherwise."""
