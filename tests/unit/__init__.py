"""Checks of pure functions: no service runs."""
