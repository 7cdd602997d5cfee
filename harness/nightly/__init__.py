"""Nights beside nights: a history of results, and whether tonight differs from it."""
