"""Runs over time, and where their trend changes."""
