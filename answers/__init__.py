"""The questions, read from dbt's manifest, and their answers: as text, as a page."""
