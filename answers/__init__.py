"""The questions, read from dbt's manifest, and their answers as text and as a page."""
