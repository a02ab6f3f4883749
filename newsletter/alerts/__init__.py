"""Alerts: one breaking story, told at once, rarely, and only to those whom it concerns."""
