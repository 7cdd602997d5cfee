"""Losses beside cross-entropy: a file per idea."""
