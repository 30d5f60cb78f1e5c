"""A short run of `make edits`."""

import random

from tests.integration.edits import both, edits

_KINDS = ("another test", "macro")


def test_session_does_what_the_command_line_does() -> None:
    with both() as builders:
        for edit in edits(random.Random(4), builders.project, _KINDS):
            assert not builders.build(edit), edit.file
