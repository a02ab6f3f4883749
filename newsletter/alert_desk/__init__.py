"""Editors' alerts: draft, aim, foresee, look over, approve, prove."""
