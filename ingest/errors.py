"""The errors that end a command."""


class IngestError(Exception):
    """What failed and what to do, in one line."""
