"""Run commands as a user would, independent of the variables that are set now."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cli.settings import ROOT

# Variables that select services, schemas and settings; each test sets its own.
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
    """Run a command and assert its exit code (None: any), or show what it printed."""
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
