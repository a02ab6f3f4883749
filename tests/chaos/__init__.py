"""Crash tests: whatever dies, nobody gets a mail twice, and nobody is lost without a row that says so."""
