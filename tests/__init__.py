"""The checks of this project."""
