"""For who writes models: build what was saved, compare with the shared tables."""
