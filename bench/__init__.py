"""Benchmarks: two things compared in one run, because machines are noisy."""
