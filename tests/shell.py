"""Commands as a user runs them, from the repository root, whatever is set here."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cli.settings import ROOT

# What says which services, schemas and settings are meant; each test says so itself.
_OF_THE_USER = ("DBT_", "SPARK_", "KAFKA_", "ASSESSMENTS_", "HIVE_", "LAKE_", "MAKE")
ENVIRONMENT = {
    **{
        name: text
        for name, text in os.environ.items()
        if not name.startswith(_OF_THE_USER) and name not in {"STACK", "MFLAGS"}
    },
    "PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
}


def run(
    *command: str,
    environment: Mapping[str, str],
    exit_code: int | None = 0,
    cwd: Path = ROOT,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; what it printed is shown if it ends otherwise."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=900,
        cwd=cwd,
        env={**ENVIRONMENT, **environment},
        check=False,
    )
    if exit_code is not None:
        assert done.returncode == exit_code, f"{command}: {done.stdout}{done.stderr}"
    return done
