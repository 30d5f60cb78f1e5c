"""Prints the eight answers; reads the marts and computes nothing."""
